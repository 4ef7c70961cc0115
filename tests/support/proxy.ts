import net from 'node:net';
import { changeHost } from './urls';

/**
 * What becomes of a piece of data.
 * - `false` or `'pass'`: it is passed on.
 * - `true` or `'cut'`: the connection is reset in its place.
 * - a number: so many bytes of it are passed on, then the connection is reset.
 * - `'hold'`: it is kept back, and so is what follows in this direction, until `deliver()`; also when its sender is gone.
 * - `'silence'`: from now on nothing passes in either direction, and neither side learns of it (no RST, no FIN).
 */
type Fate = boolean | number | 'pass' | 'cut' | 'hold' | 'silence';

/** Which way a piece of data goes. */
type Sender = 'client' | 'server';

/** A TCP proxy in front of the server whose connections a test cuts, holds back or silences. */
export interface CuttingProxy {
  /** The connection string, through the proxy. */
  readonly url: string;
  /** How many connections were cut. */
  readonly cuts: number;
  /** How many connections are open. */
  readonly open: number;
  /** Decides for every piece of data; `connection` counts the connections from 0 on. */
  onData(decide: (from: Sender, data: Buffer, connection: number) => Fate): void;
  /** Cuts all connections now. */
  cutAll(): void;
  /** Cuts one of the open connections, whichever `random` (0 to 1) falls on. */
  cutOne(random: number): void;
  /** Passes on what is held back, in order, and what has happened since: data, or the end of its sender. */
  deliver(): void;
  /** Silences a number of connections that are open, the oldest first. */
  silence(count: number): void;
  /** Nobody listens any more: connections are cut, new ones refused. */
  down(): Promise<void>;
  /** Listens once more, on the same port. */
  up(): Promise<void>;
  close(): Promise<void>;
}

/** Both ends of a connection. */
class Link {
  readonly #ends: Record<Sender, net.Socket>;
  readonly #held: Record<Sender, Buffer[] | undefined> = { client: undefined, server: undefined };
  #silent = false;

  constructor(
    client: net.Socket,
    server: net.Socket,
    private readonly decide: (from: Sender, data: Buffer) => Fate,
    private readonly onCut: () => void,
    onClose: () => void,
  ) {
    this.#ends = { client, server };
    for (const from of ['client', 'server'] as const) {
      const socket = this.#ends[from];
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('data', (data) => this.#take(from, data));
      socket.on('close', () => {
        if (client.destroyed && server.destroyed) onClose();
        if (!this.#silent && this.#held[from] === undefined) this.#end(from);
      });
    }
  }

  #take(from: Sender, data: Buffer): void {
    if (this.#silent) return;
    const held = this.#held[from];
    if (held) {
      held.push(data);
      return;
    }
    const fate = this.decide(from, data);
    if (fate === true || fate === 'cut') this.cut();
    else if (fate === 'silence') this.silence();
    else if (fate === 'hold') this.#held[from] = [data];
    else if (typeof fate === 'number') {
      this.#other(from).write(data.subarray(0, fate), () => this.cut());
    } else this.#other(from).write(data);
  }

  #other(from: Sender): net.Socket {
    return this.#ends[from === 'client' ? 'server' : 'client'];
  }

  /** The server reads what it has got to its end, and only then notices that nobody is there any more. */
  #end(from: Sender): void {
    if (from === 'client') this.#ends.server.end();
    else this.#ends.client.destroy();
  }

  cut(): void {
    this.onCut();
    this.#ends.client.resetAndDestroy();
    if (!this.#held.client) this.#ends.server.end();
  }

  get isOpen(): boolean {
    return !this.#ends.client.destroyed;
  }

  silence(): void {
    this.#silent = true;
  }

  deliver(): void {
    for (const from of ['client', 'server'] as const) {
      const held = this.#held[from];
      if (!held || this.#silent) continue;
      this.#held[from] = undefined;
      for (const data of held) this.#other(from).write(data);
      if (this.#ends[from].destroyed) this.#end(from);
    }
  }

  destroy(): void {
    this.#ends.client.destroy();
    this.#ends.server.destroy();
  }
}

export async function startProxy(url: string): Promise<CuttingProxy> {
  const target = new URL(url);
  let decide: (from: Sender, data: Buffer, connection: number) => Fate = () => 'pass';
  let cuts = 0;
  let connections = 0;
  const links = new Set<Link>();
  const accept = (client: net.Socket): void => {
    const upstream = net.connect(Number(target.port || 5432), target.hostname);
    const connection = connections++;
    const link: Link = new Link(
      client,
      upstream,
      (from, data) => decide(from, data, connection),
      () => {
        cuts += 1;
      },
      () => links.delete(link),
    );
    links.add(link);
  };
  let server!: net.Server;
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server = net.createServer(accept);
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  await listen(0);
  const { port } = server.address() as net.AddressInfo;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      for (const link of links) link.destroy();
      server.close(() => resolve());
    });
  return {
    url: changeHost(url, '127.0.0.1', port),
    get cuts() {
      return cuts;
    },
    get open() {
      return links.size;
    },
    onData(next) {
      decide = next;
    },
    cutAll() {
      for (const link of links) link.cut();
    },
    cutOne(random) {
      const open = [...links].filter((link) => link.isOpen);
      open[Math.floor(random * open.length)]?.cut();
    },
    deliver() {
      for (const link of links) link.deliver();
    },
    silence(count) {
      for (const link of [...links].slice(0, count)) link.silence();
    },
    down: stop,
    up: () => listen(port),
    close: stop,
  };
}
