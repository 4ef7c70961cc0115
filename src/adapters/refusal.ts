import { ValidationError } from '../errors.js';
import { libraryOf } from '../postgres/other-libraries.js';
import { describeReceived } from '../received.js';

/** What an adapter takes, and where to get it. */
export interface Taken {
  /** As it is written in code: `'fromKysely'`. */
  adapter: string;
  /** What the argument is called. */
  argument: string;
  /** What is allowed there. */
  rule: string;
}

/** What is wrong with a library itself in the place of its transaction. */
export const OUTSIDE = 'this is not one, so its statements would run outside of your transaction';

/** An argument that an adapter does not take. @param instead what it seems to be, where that says more than the rule */
export function refusal({ adapter, argument, rule }: Taken, received: unknown, instead?: string): ValidationError {
  const library = libraryOf(received)?.name;
  const described = describeReceived(received) ?? 'undefined';
  return new ValidationError([
    {
      path: argument,
      message: `${adapter}() takes ${rule}${instead === undefined ? '' : `; ${instead}`}`,
      received: library === undefined ? described : `${library} (${described})`,
    },
  ]);
}

/** Whether a value has all these methods. */
export function hasMethods(value: unknown, ...names: string[]): boolean {
  return names.every((name) => typeof fieldOf(value, name) === 'function');
}

/** A field of whatever was handed in. */
export function fieldOf(value: unknown, name: string): unknown {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return undefined;
  try {
    return (value as Record<string, unknown>)[name];
  } catch {
    // A proxy that refuses to be looked at.
    return undefined;
  }
}
