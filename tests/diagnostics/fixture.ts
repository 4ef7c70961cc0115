import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach } from 'vitest';
import type { DiagnosticEvent } from '../../src/index';

export const CHANNELS = ['redeem', 'batch', 'validate', 'rollback', 'install', 'drift', 'retry'] as const;
const PHASES = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;
export type ChannelName = (typeof CHANNELS)[number];

/** All names under which something can be published. */
export const NAMES = CHANNELS.flatMap((name) => [
  `pg-promo-codes:${name}`,
  ...PHASES.map((phase) => `tracing:pg-promo-codes:${name}:${phase}`),
]);

/** The events of a channel at the end of each operation, and the phases that they went through, since the test began. */
export function useEvents<Event extends DiagnosticEvent>(channel: ChannelName) {
  const heard = { events: [] as Event[], phases: [] as string[] };
  const onEvent = (event: unknown) => heard.events.push(event as Event);
  const onPhase = PHASES.map((phase) => [
    `tracing:pg-promo-codes:${channel}:${phase}`,
    () => void heard.phases.push(phase),
  ]) as [string, () => void][];
  beforeEach(() => {
    heard.events = [];
    heard.phases = [];
    subscribe(`pg-promo-codes:${channel}`, onEvent);
    for (const [name, listener] of onPhase) subscribe(name, listener);
  });
  afterEach(() => {
    unsubscribe(`pg-promo-codes:${channel}`, onEvent);
    for (const [name, listener] of onPhase) unsubscribe(name, listener);
  });
  return heard;
}

export const SUCCESS = ['start', 'end', 'asyncStart', 'asyncEnd'];
export const FAILURE = ['start', 'end', 'error', 'asyncStart', 'asyncEnd'];

/** What was thrown, for a call that has to throw. */
export function failureOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => {
      throw new Error('It was expected to fail');
    },
    (error: unknown) => error,
  );
}
