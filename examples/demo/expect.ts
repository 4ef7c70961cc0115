/** Something that the demo promises did not hold. */
export class BrokenPromise extends Error {}

/** The demo ends with exit code 1 when one of these does not hold. */
export function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new BrokenPromise(otherwise);
}
