/** Registered, because the adapters are a bundle of their own. */
const ONE_CONNECTION = Symbol.for('pg-promo-codes.one-connection');

/** Notes that all statements of a client run on one connection, as a transaction of another library does. */
export function asOneConnection<Client extends object>(client: Client): Client {
  return Object.defineProperty(client, ONE_CONNECTION, { value: true });
}

export function isOneConnection(client: object): boolean {
  return ONE_CONNECTION in client;
}
