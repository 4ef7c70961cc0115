// What the types promise to a host. Compiled with the sources by `npm run typecheck`, and against the package by
// `npm run check:package`, with several versions of TypeScript and ways of resolving modules. It never runs.
import type pg from 'pg';
import {
  type AddCodesInput,
  type AmendInput,
  type BatchingOptions,
  type CallOptions,
  type Campaign,
  type CampaignInput,
  type CampaignListInput,
  type CampaignPatch,
  type CheckDriftOptions,
  type ConnectionError,
  type ConnectionPool,
  type CreateInput,
  type Database,
  type DiagnosticsOptions,
  type GenerateInput,
  type InstallOptions,
  isPromoCodesError,
  type ListInput,
  type PageInput,
  PromoCodeRepository,
  type PromoCodesErrorCode,
  type PromoCodesErrorDetails,
  type Queryable,
  type RateLimitOptions,
  type RedeemEvent,
  type RedeemInput,
  type RedeemResult,
  type RepairDriftOptions,
  type RepositoryOptions,
  type RetryPolicy,
  type SchemaOption,
  type StreamDriftOptions,
  type UninstallOptions,
  type UpdateInput,
  type ValidateInput,
} from 'pg-promo-codes';

declare const connections: {
  pool: pg.Pool;
  client: pg.Client;
  lent: pg.PoolClient;
  base: pg.ClientBase;
  ownPool: ConnectionPool;
  either: Database;
  queryable: Queryable;
  structural: {
    query(text: string, values?: unknown[]): Promise<{ rows: { id: number }[]; rowCount: number | null }>;
  };
};
declare const request: RedeemInput;

/** Any connection is a `Database`. */
export const repositories = [
  new PromoCodeRepository(connections.pool),
  new PromoCodeRepository(connections.client),
  new PromoCodeRepository(connections.ownPool),
  new PromoCodeRepository(connections.structural),
];
const [repository] = repositories as [PromoCodeRepository];

/** The client of a transaction is one connection. */
export const clients: CallOptions[] = [
  { client: connections.client },
  { client: connections.lent },
  { client: connections.base },
  { client: connections.queryable },
  { client: connections.structural },
];
// @ts-expect-error Each query of a pool may run on another connection.
repository.redeem(request, { client: connections.pool });
// @ts-expect-error And so with a pool of another library.
repository.redeem(request, { client: connections.ownPool });
// @ts-expect-error It may be a pool.
repository.redeem(request, { client: connections.either });

/** A transaction that a host may have or not, as its own functions hand it on. */
export function redeemWithin(maybeTransaction: pg.PoolClient | undefined): Promise<RedeemResult> {
  return repository.redeem(request, { client: maybeTransaction, rateLimitKey: undefined });
}

/** The optional fields that may not be `undefined`. */
type Rigid<Fields> = {
  [Key in keyof Fields]-?: object extends Pick<Fields, Key>
    ? { [Only in Key]: undefined } extends Pick<Fields, Key>
      ? never
      : Key
    : never;
}[keyof Fields];
type Inputs =
  | [Rigid<AmendInput>, Rigid<CreateInput>, Rigid<GenerateInput>, Rigid<ListInput>, Rigid<PageInput>]
  | [Rigid<RedeemInput>, Rigid<UpdateInput>, Rigid<ValidateInput>, Rigid<PromoCodesErrorDetails>]
  | [Rigid<CampaignInput>, Rigid<CampaignPatch>, Rigid<CampaignListInput>, Rigid<AddCodesInput>];
type Options =
  | [Rigid<BatchingOptions>, Rigid<CallOptions>, Rigid<CheckDriftOptions>, Rigid<InstallOptions>]
  | [Rigid<RateLimitOptions>, Rigid<RepairDriftOptions>, Rigid<RepositoryOptions>, Rigid<RetryPolicy>]
  | [Rigid<SchemaOption>, Rigid<StreamDriftOptions>, Rigid<UninstallOptions>, Rigid<DiagnosticsOptions>];
type LastArgument<Method extends (...args: never[]) => unknown> = NonNullable<Required<Parameters<Method>>[1]>;
type Settings = [
  Rigid<LastArgument<PromoCodeRepository['confirm']>>,
  Rigid<LastArgument<PromoCodeRepository['usageStats']>>,
  Rigid<NonNullable<Parameters<PromoCodeRepository['campaigns']['addCodes']>[2]>>,
];
/** `true` where there is none, otherwise their names. */
type IsNone<Names> = [Names] extends [never] ? true : Names;
export const allOptionsMayBeUndefined: IsNone<(Inputs | Options | Settings)[number]> = true;
/** The proof can fail. */
export const rigidIsFound: IsNone<Rigid<{ free?: string | undefined; rigid?: string }>> = 'rigid';

/** What a redemption came to is counted by name, and what is personal is only there where it was asked for. */
export function refusalsIn({ outcomes, personal }: RedeemEvent): number {
  // @ts-expect-error It may not be there.
  personal.input;
  return (outcomes.not_found ?? 0) + (outcomes.LOCK_TIMEOUT ?? 0) + (personal?.result ? 0 : 1);
}

/** Dates come from JSON as they are. */
export const fromJson: CreateInput = {
  code: 'SUMMER',
  shopId: 'shop-1',
  bonusValue: '5.00',
  startDate: '2026-06-01T00:00:00Z',
  endDate: '2026-08-31T23:59:59+02:00',
};
export const patchFromJson: UpdateInput = { startDate: '2026-06-01T00:00:00Z', endDate: null };

/** A host without shops names none, and one without a column for the value of a bonus says so. */
export const withoutShop: [RedeemInput, ValidateInput, CreateInput, GenerateInput] = [
  { code: 'SUMMER', customerAddress: 'ann', baseReward: 1 },
  { code: 'SUMMER', customerAddress: 'ann' },
  { code: 'SUMMER', bonusValue: null },
  { count: 10, bonusValue: 5 },
];
// @ts-expect-error Everybody else gives it.
export const withoutValue: CreateInput = { code: 'SUMMER' };

/** Codes go into a campaign by their ids, and come out with it. */
export async function intoCampaign(campaign: Campaign, codeIds: readonly (string | bigint)[]): Promise<number> {
  const budget: string | null = campaign.maxTotalBonus;
  const { added, moved } = await repository.campaigns.addCodes(campaign.id, codeIds, { move: budget === null });
  // @ts-expect-error Counters are kept by triggers.
  await repository.campaigns.update(campaign.id, { timesUsed: 0 });
  // @ts-expect-error A campaign stays in its shop.
  await repository.campaigns.update(campaign.id, { shopId: 'other' });
  const { items } = await repository.list({ campaignId: campaign.id });
  const [first] = items.map(({ campaignId }): string | null => campaignId);
  return added + moved + (first === null ? 0 : 1);
}

/** A refusal and a success are told from each other in several ways. */
export function outcome(result: RedeemResult): string {
  if (result.ok) return result.use.totalReward;
  return `${result.reason}: ${result.message}`;
}

/** A host that names every code is told by the compiler when there is a new one. */
export function statusOf(error: unknown): number {
  if (!isPromoCodesError(error)) throw error;
  switch (error.code) {
    case 'VALIDATION':
    case 'PATTERN_EXHAUSTED':
      return 400;
    case 'NOT_FOUND':
      return 404;
    case 'DUPLICATE_CODE':
    case 'IDEMPOTENCY_CONFLICT':
    case 'HOLD_EXPIRED':
    case 'BUDGET_EXHAUSTED':
      return 409;
    case 'RATE_LIMITED':
      return 429;
    case 'LOCK_TIMEOUT':
    case 'RETRYABLE_TRANSACTION':
    case 'TRANSACTION_ABORTED':
    case 'OUTCOME_UNKNOWN':
    case 'QUEUE_FULL':
    case 'CONNECTION_FAILED':
    case 'CONNECTION_LOST':
    case 'AUTHENTICATION_FAILED':
    case 'POOL_EXHAUSTED':
    case 'READ_ONLY':
    case 'CLOSED':
    case 'TIMEOUT':
    case 'RETRIES_EXHAUSTED':
    case 'TOO_MANY_CHANGES':
    case 'SHARDS_FAILED':
      return 503;
    case 'NOT_INSTALLED':
    case 'NEWER_INSTALLATION':
    case 'INSUFFICIENT_PRIVILEGE':
    case 'DRIFT':
    case 'DATABASE_ERROR':
    case 'SEQUENCE_BEHIND':
    case 'TRANSACTION_ISOLATION':
    case 'UNCOUNTABLE_AMOUNT':
    case 'NOT_ONE_CONNECTION':
    case 'UNEXPECTED_ANSWER':
      return 500;
    default:
      return error.code satisfies never;
  }
}
// @ts-expect-error Not one of the codes.
export const noCode: PromoCodesErrorCode = 'NO_SUCH_CODE';
/** The class narrows the codes. */
export const isClosed = (error: ConnectionError): boolean => error.code === 'CLOSED';
// @ts-expect-error Not a code of this class.
export const cannotBe = (error: ConnectionError): boolean => error.code === 'VALIDATION';
