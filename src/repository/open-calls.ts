import { ConnectionError } from '../errors.js';

/** The calls of a repository that have no answer yet, and whether further ones are let in. */
export class OpenCalls {
  readonly #closing = new AbortController();
  #count = 0;
  #closed: Promise<void> | undefined;
  #whenIdle: () => void = () => undefined;

  /** Aborted by `close()`, for what goes on from call to call. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /**
   * A call begins; `leave` has to follow.
   * @throws ConnectionError with the code `CLOSED` after `close()`
   */
  enter(): void {
    if (this.#closed) {
      throw new ConnectionError('CLOSED', 'This repository was closed by close(); the call was not sent.');
    }
    this.#count += 1;
  }

  /** A call has its answer. */
  leave(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#whenIdle();
  }

  /** What a call goes on with after its answer, and `close()` has to wait for as well. */
  async track<Result>(work: Promise<Result>): Promise<Result> {
    this.#count += 1;
    try {
      return await work;
    } finally {
      this.leave();
    }
  }

  /** Lets no further call in, and waits for those that are under way. */
  close(): Promise<void> {
    this.#closing.abort();
    this.#closed ??= new Promise((resolve) => {
      if (this.#count === 0) resolve();
      else this.#whenIdle = resolve;
    });
    return this.#closed;
  }
}
