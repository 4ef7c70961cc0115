/** What to change in a connection string. */
export interface UrlChanges {
  user?: string;
  password?: string;
  database?: string;
  applicationName?: string;
}

/** A connection string like `url` with some of its parts replaced; node-postgres and libpq both read the result. */
export function changeUrl(url: string, changes: UrlChanges): string {
  const changed = new URL(url);
  // A URL without a host, as for a Unix socket, can carry the user only as a parameter.
  if (changes.user !== undefined) {
    if (changed.host) changed.username = encodeURIComponent(changes.user);
    else changed.searchParams.set('user', changes.user);
  }
  if (changes.password !== undefined) {
    if (changed.host) changed.password = encodeURIComponent(changes.password);
    else changed.searchParams.set('password', changes.password);
  }
  // node-postgres decodes the path with decodeURI, which leaves %24 and its like alone, so $ must stay as it is.
  if (changes.database !== undefined) changed.pathname = `/${encodeURI(changes.database)}`;
  if (changes.applicationName !== undefined) changed.searchParams.set('application_name', changes.applicationName);
  // Spaces as %20: libpq does not read a plus sign as a space.
  changed.search = changed.searchParams.toString().replaceAll('+', '%20');
  return changed.toString();
}

/** The same connection string for another host and port. */
export function changeHost(url: string, host: string, port: number): string {
  const changed = new URL(url);
  changed.hostname = host;
  changed.port = String(port);
  changed.searchParams.delete('host');
  return changed.toString();
}
