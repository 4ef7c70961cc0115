import { Decimal } from 'decimal.js';

/** A code and its uses as a few maps: what the repository must be like, one call after another. */
export interface ModelCode {
  isActive: boolean;
  totalUsageLimit: number | null;
  perCustomerLimit: number | null;
  percent: number | null;
  fixed: string;
  cap: string;
  budget: string | null;
  caps?: boolean;
  min?: string;
  boundTo?: string;
}

/** Limits over the codes that are in a campaign. */
export interface ModelCampaign {
  isActive: boolean;
  totalUsageLimit: number | null;
  perCustomerLimit: number | null;
  budget: string | null;
  caps: boolean;
}

export type Refusal =
  | ('campaign_inactive' | 'campaign_limit_reached' | 'campaign_customer_limit_reached' | 'campaign_budget_exhausted')
  | ('inactive' | 'not_for_customer' | 'below_minimum')
  | ('usage_limit_reached' | 'customer_limit_reached' | 'budget_exhausted');

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
  /** The campaign of each code. */
  readonly campaignOf: (number | null)[];

  constructor(
    codes: ModelCode[],
    readonly campaigns: ModelCampaign[] = [],
  ) {
    this.codes = codes;
    this.uses = codes.map(() => new Map());
    this.campaignOf = codes.map(() => null);
  }

  bonus(index: number, base: string): string {
    const { percent, fixed, cap } = this.codes[index]!;
    if (percent === null) return new Decimal(fixed).toFixed(2);
    return Decimal.min(new Decimal(base).mul(percent).div(100).toDecimalPlaces(2, Decimal.ROUND_HALF_UP), cap).toFixed(
      2,
    );
  }

  /** What a redemption is answered and paid, and what gives way to it. */
  redeem(index: number, customer: string, base: string): { refusal: Refusal } | { bonus: string } {
    const code = this.codes[index]!;
    if (!code.isActive) return { refusal: 'inactive' };
    if (code.boundTo !== undefined && code.boundTo !== customer) return { refusal: 'not_for_customer' };
    if (code.min !== undefined && new Decimal(base).lt(code.min)) return { refusal: 'below_minimum' };
    if (this.campaign(index)?.isActive === false) return { refusal: 'campaign_inactive' };
    const full = new Decimal(this.bonus(index, base));
    const isLimited = () =>
      this.refusal(index, customer, full) !== undefined ||
      // What is nothing can be paid, whatever is left.
      (full.gt(0) && (full.gt(this.left(index)) || full.gt(this.campaignLeft(index))));
    if (isLimited()) this.releaseExpired(index);
    if (isLimited() && (this.refusal(index, customer, full) ?? 'campaign').startsWith('campaign')) {
      for (const other of this.codesBeside(index)) this.releaseExpired(other);
    }
    const refusal = this.refusal(index, customer, full);
    if (refusal !== undefined) {
      const own = [...this.uses[index]!].find(
        ([, use]) =>
          use.customer === customer &&
          use.hold === 'pending' &&
          this.isPayable(index, full, this.left(index).add(use.bonus)) &&
          this.isPayableByCampaign(index, full, this.campaignLeft(index).add(use.bonus)),
      );
      const { total, mine } = this.counts(index, customer);
      const oneLessIsEnough =
        total - 1 < (code.totalUsageLimit ?? Number.POSITIVE_INFINITY) &&
        mine - 1 < (code.perCustomerLimit ?? Number.POSITIVE_INFINITY) &&
        this.campaignCounts(index).length - 1 < (this.campaign(index)?.totalUsageLimit ?? Number.POSITIVE_INFINITY) &&
        this.campaignCounts(index, customer).length - 1 <
          (this.campaign(index)?.perCustomerLimit ?? Number.POSITIVE_INFINITY);
      if (!own || !oneLessIsEnough) return { refusal };
      this.uses[index]!.delete(own[0]);
      this.released.set(own[0], 'replaced');
    }
    const byCampaign = this.campaign(index)?.caps ? Decimal.max(this.campaignLeft(index), 0) : full;
    return { bonus: Decimal.min(this.paidByCode(index, full), byCampaign).toFixed(2) };
  }

  private paidByCode(index: number, full: Decimal): Decimal {
    return Decimal.min(full, this.codes[index]!.caps ? Decimal.max(this.left(index), 0) : full);
  }

  private campaign(index: number): ModelCampaign | undefined {
    return this.campaigns[this.campaignOf[index] ?? -1];
  }

  /** The codes of the campaign of a code, and the code. */
  private codesBeside(index: number): number[] {
    const campaign = this.campaignOf[index];
    return campaign === null ? [index] : this.codesOf(campaign!);
  }

  codesOf(campaign: number): number[] {
    return this.campaignOf.flatMap((of, other) => (of === campaign ? [other] : []));
  }

  private campaignCounts(index: number, customer?: string): ModelUse[] {
    const uses = this.codesBeside(index).flatMap((other) => [...this.uses[other]!.values()]);
    return customer === undefined ? uses : uses.filter((use) => use.customer === customer);
  }

  campaignLeft(index: number): Decimal {
    const total = this.campaignCounts(index).reduce((sum, { bonus }) => sum.add(bonus), new Decimal(0));
    return new Decimal(this.campaign(index)?.budget ?? Number.POSITIVE_INFINITY).sub(total);
  }

  private isPayableByCampaign(index: number, bonus: Decimal, left: Decimal): boolean {
    return bonus.lte(0) || (this.campaign(index)?.caps ? left.gt(0) : bonus.lte(left));
  }

  /** For an amendment: holds of other codes give way where the campaign cannot pay. */
  releaseForAmendment(index: number, more: Decimal): void {
    this.releaseExpired(index);
    if (!more.gt(this.campaignLeft(index))) return;
    for (const other of this.codesBeside(index)) this.releaseExpired(other);
  }

  campaignTotals(campaign: number): { uses: number; total: string } {
    const uses = this.codesOf(campaign).flatMap((index) => [...this.uses[index]!.values()]);
    return { uses: uses.length, total: uses.reduce((sum, { bonus }) => sum.add(bonus), new Decimal(0)).toFixed(2) };
  }

  /** What is left of the budget. */
  left(index: number): Decimal {
    return new Decimal(this.codes[index]!.budget ?? Number.POSITIVE_INFINITY).sub(this.totals(index).total);
  }

  private isPayable(index: number, bonus: Decimal, left: Decimal): boolean {
    return bonus.lte(0) || (this.codes[index]!.caps ? left.gt(0) : bonus.lte(left));
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

  private refusal(index: number, customer: string, bonus: Decimal): Refusal | undefined {
    const { totalUsageLimit, perCustomerLimit } = this.codes[index]!;
    const { total, mine } = this.counts(index, customer);
    const campaign = this.campaign(index);
    const isFull = (limit: number | null | undefined, uses: number) => (limit ?? Number.POSITIVE_INFINITY) <= uses;
    if (isFull(campaign?.totalUsageLimit, this.campaignCounts(index).length)) return 'campaign_limit_reached';
    if (isFull(campaign?.perCustomerLimit, this.campaignCounts(index, customer).length))
      return 'campaign_customer_limit_reached';
    if (!this.isPayableByCampaign(index, this.paidByCode(index, bonus), this.campaignLeft(index)))
      return 'campaign_budget_exhausted';
    if (totalUsageLimit !== null && total >= totalUsageLimit) return 'usage_limit_reached';
    if (perCustomerLimit !== null && mine >= perCustomerLimit) return 'customer_limit_reached';
    if (!this.isPayable(index, bonus, this.left(index))) return 'budget_exhausted';
    return undefined;
  }
}
