import type { Channel, TracingChannel } from 'node:diagnostics_channel';
// As a whole: an older Node.js, which has no tracing channels, must get as far as the error that names it.
import * as channels from 'node:diagnostics_channel';
import { isPromoCodesError } from '../errors.js';
import { now } from '../postgres/timers.js';
import type { DiagnosticEvent, EventError, PersonalData } from './events.js';

/** What an event is filled in with at its end, beside the error and the duration. */
export interface Finish<Event, Result> {
  answered(result: Result, event: Event): Partial<Event>;
  failed(error: EventError, event: Event): Partial<Event>;
}

/** Events of a call may carry what it was given. */
type Traceable = DiagnosticEvent & { personal?: PersonalData<unknown, unknown> };

/**
 * One kind of operation and its channels: the five of a tracing channel (`tracing:pg-promo-codes:redeem:start` and so on),
 * and one of its name alone with a single message at the end. Where nobody listens, nothing is built.
 *
 * What a subscriber throws, Node.js reports as an uncaught exception later; the call goes on.
 */
export class Operation<Event extends Traceable> {
  readonly #tracing: TracingChannel<unknown, Event>;
  readonly #whole: Channel;

  constructor(name: string) {
    this.#tracing = channels.tracingChannel(`pg-promo-codes:${name}`);
    this.#whole = channels.channel(`pg-promo-codes:${name}`);
  }

  /** Channel by channel: before 20.13, Node.js cannot be asked about a tracing channel as a whole. */
  get isHeard(): boolean {
    const { start, end, asyncStart, asyncEnd, error } = this.#tracing;
    return (
      this.#whole.hasSubscribers ||
      asyncEnd.hasSubscribers ||
      start.hasSubscribers ||
      error.hasSubscribers ||
      asyncStart.hasSubscribers ||
      end.hasSubscribers
    );
  }

  /** Runs work; what it answers and throws goes on to the caller. Where nobody listens, that is all. */
  run<Result>(
    describe: () => Event,
    work: (trace?: Trace<Event>) => Promise<Result>,
    finish?: Finish<Event, Result>,
  ): Promise<Result> {
    return this.isHeard ? this.begin(describe()).run(work, finish) : work();
  }

  /** To be asked for only where somebody listens. */
  begin(event: Event): Trace<Event> {
    return new Trace(event, this.#tracing, this.#whole);
  }
}

/** One operation that somebody listens to. */
export class Trace<Event extends Traceable> {
  readonly event: Event;
  readonly #tracing: TracingChannel<unknown, Event>;
  readonly #whole: Channel;
  readonly #began = now();

  constructor(event: Event, tracing: TracingChannel<unknown, Event>, whole: Channel) {
    this.event = event;
    this.#tracing = tracing;
    this.#whole = whole;
  }

  /** Milliseconds since its start. */
  get elapsedMs(): number {
    return now() - this.#began;
  }

  /** Fills in what is known by now. A subscriber may have frozen the event, or worse; that must not harm the call. */
  note(fieldsOf: (event: Event) => Partial<Event>): void {
    this.#fillIn(fieldsOf);
  }

  #fillIn(fieldsOf: (event: Event) => object): void {
    try {
      Object.assign(this.event, fieldsOf(this.event));
    } catch {
      // The subscriber's own loss.
    }
  }

  /** Runs all of it, with what subscribers have bound to the start (`bindStore`) as its asynchronous context. */
  run<Result>(work: (trace: Trace<Event>) => Promise<Result>, finish?: Finish<Event, Result>): Promise<Result> {
    return this.start(() =>
      work(this).then(
        (result) => {
          this.#fillIn((event) => ({ ...finish?.answered(result, event), ...withPersonal(event, { result }) }));
          this.end();
          return result;
        },
        (error: unknown) => {
          this.fail(error, finish);
          this.end();
          throw error;
        },
      ),
    );
  }

  /** Publishes the start; `begin` runs in what was bound to it. `end` has to follow. */
  start<Result>(begin: () => Result): Result {
    const { start, end } = this.#tracing;
    return start.runStores(this.event, () => {
      try {
        return begin();
      } finally {
        end.publish(this.event);
      }
    });
  }

  /** Publishes that it failed; `end` has to follow. */
  fail(error: unknown, finish?: Finish<Event, never>): void {
    const described = describeError(error);
    const common = { error: described, durationMs: this.elapsedMs };
    this.#fillIn((event) => ({ ...common, ...finish?.failed(described, event), ...withPersonal(event, { error }) }));
    this.#tracing.error.publish(this.event);
  }

  end(): void {
    const { asyncStart, asyncEnd } = this.#tracing;
    this.#fillIn(() => ({ durationMs: this.elapsedMs }));
    asyncStart.publish(this.event);
    asyncEnd.publish(this.event);
    this.#whole.publish(this.event);
  }
}

function withPersonal({ personal }: Traceable, outcome: Partial<PersonalData<unknown, unknown>>): object {
  return personal ? { personal: { ...personal, ...outcome } } : {};
}

export function describeError(error: unknown): EventError {
  if (!isPromoCodesError(error)) return { code: 'DATABASE_ERROR' };
  const { code, sqlState } = error;
  return { code, ...(sqlState !== undefined && { sqlState }) };
}
