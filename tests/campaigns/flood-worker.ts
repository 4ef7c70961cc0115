// A process of its own for flood.test.ts: so many callers at once, each for one code, and what became of them.
import pg from 'pg';
import { PromoCodeRepository } from '../../src/index';

/** What it is told, as JSON in its first argument. */
export interface Flood {
  url: string;
  schema: string;
  number: number;
  callers: number;
  codes: string[];
  /** One for all callers; without it each is another one. */
  customer?: string;
}

const { url, schema, number, callers, codes, customer }: Flood = JSON.parse(process.argv[2]!);
const pool = new pg.Pool({ connectionString: url, max: 5 });
const repository = new PromoCodeRepository(pool, { schema });
const outcomes: Record<string, number> = {};
await Promise.all(
  Array.from({ length: callers }, async (_, caller) => {
    const result = await repository.redeem({
      code: codes[(caller * 7 + number) % codes.length]!,
      shopId: 'shop',
      customerAddress: customer ?? `customer-${number}-${caller}`,
      baseReward: '10.00',
    });
    const outcome = result.ok ? 'ok' : result.reason;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }),
);
await pool.end();
process.stdout.write(JSON.stringify(outcomes));
