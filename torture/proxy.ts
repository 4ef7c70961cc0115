import net from 'node:net';

/** One connection through the proxy, with what can be done to it. */
export interface ProxiedConnection {
  /** RST to the client; the server reads what it has got to its end. */
  reset(): void;
  /** FIN in both directions. */
  close(): void;
  /** Passes on half of the next message of that side, then cuts. */
  cutWithin(from: 'client' | 'server'): void;
  /** Lets the next request pass and cuts instead of passing on its answer. */
  loseAnswer(): void;
  /** Holds everything back for a time, then passes it on in order. */
  stall(ms: number): void;
  /** Nothing comes through any more, in one direction or in both, and nobody is told. The server gives it up after a while. */
  silence(what: 'both' | 'answers'): void;
  /** Cuts at the next request, and delivers that request to the server after a while. */
  holdBack(ms: number): void;
}

export interface FaultyProxy {
  readonly port: number;
  /** The connections to which nothing has been done yet and whose client is still there. */
  connections(): ProxiedConnection[];
  /** Where new connections go. */
  setTarget(host: string, port: number): void;
  close(): Promise<void>;
}

/** As TCP keepalive would find it out in the end. */
const SILENCE_LIMIT_MS = 5_000;

type Mode =
  | 'pass'
  | 'stalled'
  | 'silent'
  | 'silentAnswers'
  | 'cutRequest'
  | 'cutAnswer'
  | 'loseAnswer'
  | 'holdBack'
  | 'ended';

class Connection implements ProxiedConnection {
  mode: Mode = 'pass';
  readonly #client: net.Socket;
  readonly #server: net.Socket;
  readonly #timers = new Set<NodeJS.Timeout>();
  #stalled: (() => void)[] = [];
  #holdBackMs = 0;
  #isHeld = false;

  constructor(client: net.Socket, server: net.Socket, closed: (connection: Connection) => void) {
    this.#client = client;
    this.#server = server;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
    }
    client.on('data', (data) => this.#fromClient(data));
    server.on('data', (data) => this.#fromServer(data));
    client.on('end', () => this.#clientGone());
    client.on('close', () => this.#clientGone());
    server.on('close', () => {
      if (!this.#isSilent()) client.destroy();
      closed(this);
    });
  }

  reset(): void {
    this.mode = 'ended';
    this.#client.resetAndDestroy();
    this.#server.end();
  }

  close(): void {
    this.mode = 'ended';
    this.#client.end();
    this.#server.end();
  }

  cutWithin(from: 'client' | 'server'): void {
    this.mode = from === 'client' ? 'cutRequest' : 'cutAnswer';
  }

  loseAnswer(): void {
    this.mode = 'loseAnswer';
  }

  stall(ms: number): void {
    this.mode = 'stalled';
    this.#later(ms, () => {
      if (this.mode !== 'stalled') return;
      this.mode = 'pass';
      for (const pass of this.#stalled.splice(0)) pass();
    });
  }

  silence(what: 'both' | 'answers'): void {
    this.mode = what === 'both' ? 'silent' : 'silentAnswers';
    this.#later(SILENCE_LIMIT_MS, () => this.#server.destroy());
  }

  holdBack(ms: number): void {
    this.mode = 'holdBack';
    this.#holdBackMs = ms;
  }

  destroy(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#client.destroy();
    this.#server.destroy();
  }

  #fromClient(data: Buffer): void {
    switch (this.mode) {
      case 'silent':
        return;
      case 'stalled':
        this.#stalled.push(() => this.#server.write(data));
        return;
      case 'cutRequest':
        this.#server.write(data.subarray(0, Math.ceil(data.length / 2)));
        this.reset();
        return;
      case 'holdBack':
        this.#isHeld = true;
        this.#client.resetAndDestroy();
        this.#later(this.#holdBackMs, () => this.#server.end(data));
        return;
      default:
        this.#server.write(data);
    }
  }

  #fromServer(data: Buffer): void {
    switch (this.mode) {
      case 'silent':
      case 'silentAnswers':
        return;
      case 'stalled':
        this.#stalled.push(() => this.#client.write(data));
        return;
      case 'cutAnswer':
        this.#client.write(data.subarray(0, Math.ceil(data.length / 2)), () => this.reset());
        return;
      case 'loseAnswer':
        this.reset();
        return;
      default:
        if (this.#client.writable) this.#client.write(data);
    }
  }

  #clientGone(): void {
    if (this.#isSilent() || this.#isHeld) return;
    this.mode = 'ended';
    this.#server.end();
  }

  #isSilent(): boolean {
    return this.mode === 'silent' || this.mode === 'silentAnswers';
  }

  #later(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
  }
}

/** A TCP proxy in front of the server, on loopback. */
export async function startProxy(host: string, port: number): Promise<FaultyProxy> {
  let target = { host, port };
  const open = new Set<Connection>();
  // One whose server has gone may have a client that was never told.
  const clients = new Set<net.Socket>();
  const server = net.createServer((client) => {
    clients.add(client);
    client.on('close', () => clients.delete(client));
    const connection = new Connection(client, net.connect(target), (closed) => open.delete(closed));
    open.add(connection);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    connections: () => [...open].filter(({ mode }) => mode === 'pass'),
    setTarget(newHost, newPort) {
      target = { host: newHost, port: newPort };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const connection of open) connection.destroy();
        for (const client of clients) client.destroy();
      }),
  };
}
