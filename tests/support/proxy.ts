import net from 'node:net';
import { changeHost } from './urls';

/** A TCP proxy in front of the server whose connections a test cuts. */
export interface CuttingProxy {
  /** The connection string, through the proxy. */
  readonly url: string;
  /** How many connections were cut. */
  readonly cuts: number;
  /** Decides for every piece of data, before it is passed on, whether the connection is cut instead. */
  onData(decide: (from: 'client' | 'server', data: Buffer) => boolean): void;
  /** Cuts all connections now. */
  cutAll(): void;
  close(): Promise<void>;
}

export async function startProxy(url: string): Promise<CuttingProxy> {
  const target = new URL(url);
  let decide: (from: 'client' | 'server', data: Buffer) => boolean = () => false;
  let cuts = 0;
  const open = new Set<net.Socket>();
  const cutters = new Set<() => void>();
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(target.port || 5432), target.hostname);
    const cut = (): void => {
      cuts += 1;
      client.resetAndDestroy();
      // The server reads what it has got to its end, and only then notices that nobody is there any more.
      upstream.end();
    };
    cutters.add(cut);
    client.on('close', () => cutters.delete(cut));
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => open.delete(socket));
    }
    client.on('data', (data) => (decide('client', data) ? cut() : upstream.write(data)));
    upstream.on('data', (data) => (decide('server', data) ? cut() : client.write(data)));
    client.on('close', () => upstream.end());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    url: changeHost(url, '127.0.0.1', port),
    get cuts() {
      return cuts;
    },
    onData(next) {
      decide = next;
    },
    cutAll() {
      for (const cut of cutters) cut();
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
