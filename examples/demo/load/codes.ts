/** Which codes the load writes to: most of them stay, some are deleted with all their uses. */
export class Codes {
  readonly #lasting: readonly number[];
  readonly #passing: number[] = [];

  /** @param campaignId of a campaign that codes come into and leave */
  constructor(
    lasting: readonly number[],
    readonly campaignId: string,
  ) {
    this.#lasting = lasting;
  }

  /** A few codes are hot, as in life, and now and then it is one that is about to be deleted. */
  pick(): number {
    if (this.#passing.length > 0 && Math.random() < 0.06) return pickFrom(this.#passing);
    return this.#lasting[Math.floor(Math.random() ** 1.5 * this.#lasting.length)]!;
  }

  /** Adds a code of the second kind, and gives back the oldest of them once there are enough. */
  exchange(codeId: number): number | undefined {
    this.#passing.push(codeId);
    return this.#passing.length > 6 ? this.#passing.shift() : undefined;
  }
}

function pickFrom(codeIds: readonly number[]): number {
  return codeIds[Math.floor(Math.random() * codeIds.length)]!;
}
