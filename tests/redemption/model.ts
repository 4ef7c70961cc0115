import { Decimal } from 'decimal.js';

/** A code and its uses as a few maps: what the repository must be like, one call after another. */
export interface ModelCode {
  isActive: boolean;
  totalUsageLimit: number | null;
  perCustomerLimit: number | null;
  percent: number | null;
  fixed: string;
  cap: string;
}

interface ModelUse {
  customer: string;
  base: string;
  bonus: string;
  /** `undefined`: no hold. */
  hold?: 'pending' | 'expired';
}

export class Model {
  readonly codes: ModelCode[];
  /** Uses by the id that the server gave, per code. */
  readonly uses: Map<string, ModelUse>[];
  readonly released = new Map<string, 'expired' | 'replaced'>();

  constructor(codes: ModelCode[]) {
    this.codes = codes;
    this.uses = codes.map(() => new Map());
  }

  bonus(index: number, base: string): string {
    const { percent, fixed, cap } = this.codes[index]!;
    if (percent === null) return new Decimal(fixed).toFixed(2);
    return Decimal.min(new Decimal(base).mul(percent).div(100).toDecimalPlaces(2, Decimal.ROUND_HALF_UP), cap).toFixed(
      2,
    );
  }

  /** What a redemption is answered, and what gives way to it. */
  redeem(index: number, customer: string): 'redeemed' | 'inactive' | 'usage_limit_reached' | 'customer_limit_reached' {
    const code = this.codes[index]!;
    if (!code.isActive) return 'inactive';
    if (this.refusal(index, customer) !== undefined) this.releaseExpired(index);
    const refused = this.refusal(index, customer);
    if (refused === undefined) return 'redeemed';

    const own = [...this.uses[index]!].find(([, use]) => use.customer === customer && use.hold === 'pending');
    const { total, mine } = this.counts(index, customer);
    const oneLessIsEnough =
      total - 1 < (code.totalUsageLimit ?? Number.POSITIVE_INFINITY) &&
      mine - 1 < (code.perCustomerLimit ?? Number.POSITIVE_INFINITY);
    if (!own || !oneLessIsEnough) return refused;
    this.uses[index]!.delete(own[0]);
    this.released.set(own[0], 'replaced');
    return 'redeemed';
  }

  releaseExpired(index: number): void {
    for (const [id, use] of this.uses[index]!) {
      if (use.hold !== 'expired') continue;
      this.uses[index]!.delete(id);
      this.released.set(id, 'expired');
    }
  }

  totals(index: number): { timesUsed: number; uses: number; total: string } {
    const uses = [...this.uses[index]!.values()];
    const total = uses.reduce((sum, { bonus }) => sum.add(bonus), new Decimal(0)).toFixed(2);
    return { timesUsed: uses.length, uses: uses.length, total };
  }

  private counts(index: number, customer: string): { total: number; mine: number } {
    const uses = [...this.uses[index]!.values()];
    return { total: uses.length, mine: uses.filter((use) => use.customer === customer).length };
  }

  private refusal(index: number, customer: string): 'usage_limit_reached' | 'customer_limit_reached' | undefined {
    const { totalUsageLimit, perCustomerLimit } = this.codes[index]!;
    const { total, mine } = this.counts(index, customer);
    if (totalUsageLimit !== null && total >= totalUsageLimit) return 'usage_limit_reached';
    if (perCustomerLimit !== null && mine >= perCustomerLimit) return 'customer_limit_reached';
    return undefined;
  }
}
