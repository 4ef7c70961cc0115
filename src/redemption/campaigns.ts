/** More codes are not remembered. */
const MOST_CODES = 100_000;

/**
 * The campaigns that codes were in when they were answered last. Their callers wait for one row, so they go as one statement; it is
 * no more than that: what is wrong here is put right by the next answer.
 */
export class CampaignsOfCodes {
  readonly #campaigns = new Map<string, string>();

  of(code: string): string | undefined {
    return this.#campaigns.get(code);
  }

  learn(entries: readonly { code: string; campaign?: string | null | undefined }[]): void {
    for (const { code, campaign } of entries) {
      if (campaign === undefined || campaign === this.#campaigns.get(code)) continue;
      if (campaign === null) this.#campaigns.delete(code);
      else {
        if (this.#campaigns.size >= MOST_CODES) this.#campaigns.clear();
        this.#campaigns.set(code, campaign);
      }
    }
  }
}
