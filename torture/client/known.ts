import type { Answer, AnsweredUse, Request } from '../log.js';
import type { Random } from '../random.js';

/** A use that may be rolled back, amended, confirmed. */
export interface KnownUse {
  id: string;
  origin: string;
  codeId: string;
  isHold: boolean;
}

/** A code that this process created. */
export interface KnownCode {
  id: string;
  name: string;
}

const KEPT = 150;

/** What a process remembers of what it has seen, the newest. */
export class Known {
  readonly #uses: KnownUse[] = [];
  readonly #requests: Request[] = [];
  readonly #codes: KnownCode[] = [];

  add(request: Request, { ok, use, expiresAt }: Answer): void {
    if (ok && use) this.addUse(use, expiresAt !== undefined);
    if (request.key !== undefined) this.#keep(this.#requests, request);
  }

  addUse(use: AnsweredUse, isHold: boolean): void {
    const origin = use.transaction?.split('/')[0];
    if (origin) this.#keep(this.#uses, { id: use.id, origin, codeId: use.codeId, isHold });
  }

  addCode(id: string, name: string): void {
    this.#keep(this.#codes, { id, name });
  }

  /** A use; a hold before others where `preferHold`. */
  use(random: Random, preferHold = false): KnownUse | undefined {
    const holds = preferHold ? this.#uses.filter(({ isHold }) => isHold) : [];
    const from = holds.length > 0 ? holds : this.#uses;
    return from.length === 0 ? undefined : random.pick(from);
  }

  /** A request with a key that was sent before. */
  request(random: Random): Request | undefined {
    return this.#requests.length === 0 ? undefined : random.pick(this.#requests);
  }

  /** A code that this process created. */
  code(random: Random): KnownCode | undefined {
    return this.#codes.length === 0 ? undefined : random.pick(this.#codes);
  }

  #keep<Item>(items: Item[], item: Item): void {
    items.push(item);
    if (items.length > KEPT) items.shift();
  }
}
