import { beforeAll } from 'vitest';
import {
  type CreateInput,
  installSchema,
  installTriggers,
  type PromoCode,
  PromoCodeRepository,
  type RedeemInput,
  type RepositoryOptions,
} from '../../src/index';
import { SEED_TABLES } from './host-tables';
import { eventually } from './races';
import { type TestSchema, useSchema } from './schema';

export interface TestRepository extends TestSchema {
  readonly repository: PromoCodeRepository;
  /** A code of its own for a test; valid from yesterday on. */
  newCode(fields?: Partial<CreateInput>): Promise<PromoCode>;
  /** A request for a code; every one is of another customer unless told otherwise. */
  request(code: PromoCode, fields?: Partial<RedeemInput>): RedeemInput;
  /** The counters of a code, and its rows. */
  counts(code: PromoCode): Promise<{ timesUsed: number; uses: number; total: string }>;
}

const DAY = 86_400_000;

/** A schema with the library's own tables, or with those of the seed, and a repository on it. */
export function useRepository(
  label: string,
  { tables = 'own', options = {} }: { tables?: 'own' | 'seed'; options?: RepositoryOptions } = {},
): TestRepository {
  const t = useSchema(label);
  const repository = new PromoCodeRepository(t.pool, { schema: t.schema, ...options });
  let serial = 0;

  beforeAll(async () => {
    if (tables === 'own') await installSchema(t.pool, { schema: t.schema });
    else {
      await t.sql(SEED_TABLES);
      await installTriggers(t.pool, { schema: t.schema });
    }
  });

  return {
    ...t,
    repository,
    newCode(fields = {}) {
      serial += 1;
      return repository.create({
        code: `CODE${serial}`,
        shopId: 'shop',
        bonusValue: '5.00',
        startDate: new Date(Date.now() - DAY),
        endDate: new Date(Date.now() + DAY),
        ...fields,
      });
    },
    request(code, fields = {}) {
      serial += 1;
      return {
        code: code.code,
        shopId: code.shopId,
        customerAddress: `customer-${serial}`,
        baseReward: '10.00',
        ...fields,
      };
    },
    async counts(code) {
      const { rows } = await t.sql<{ used: string; total: string; uses: string }>(
        `SELECT times_used AS used, total_bonus_issued AS total,
                (SELECT count(*) FROM :"schema".promo_code_uses WHERE promo_code_id = c.id) AS uses
           FROM :"schema".promo_codes AS c WHERE id = $1`,
        [code.id],
      );
      return { timesUsed: Number(rows[0]?.used), uses: Number(rows[0]?.uses), total: rows[0]?.total ?? '' };
    },
  };
}

/**
 * The backend of a redemption of this file that waits for a lock (of this kind, where one is named). Other files redeem at
 * the same time, so it is told by the application_name of its connection.
 */
export function waitingRedemption({ sql }: Pick<TestSchema, 'sql'>, lock?: 'advisory'): Promise<number> {
  return eventually(
    async () => {
      const { rows } = await sql<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity
          WHERE wait_event_type = 'Lock' AND coalesce(wait_event = $1, true) AND query LIKE '%redeem_promo_code%'
            AND application_name = current_setting('application_name') AND pid <> pg_backend_pid()`,
        [lock ?? null],
      );
      if (rows.length !== 1) throw new Error(`${rows.length} redemptions wait for a lock`);
      return rows[0]!.pid;
    },
    { timeoutMs: 10_000 },
  );
}
