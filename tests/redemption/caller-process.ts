// One of several processes that redeem a code all at once.
import { once } from 'node:events';
import pg from 'pg';
import { PromoCodeRepository, type RedeemInput } from '../../src/index';

export interface CallerSettings {
  url: string;
  schema: string;
  requests: RedeemInput[];
}

const { url, schema, requests }: CallerSettings = JSON.parse(process.argv[2]!);
process.on('disconnect', () => process.exit());
const pool = new pg.Pool({ connectionString: url, max: 10 });
const repository = new PromoCodeRepository(pool, { schema });
await repository.findByCode(requests[0]!.code, requests[0]!.shopId);
process.send!('ready');
await once(process, 'message');
const results = await Promise.all(requests.map((request) => repository.redeem(request)));
process.send!(results.map((result) => (result.ok ? result.use.bonusAmount : result.reason)));
