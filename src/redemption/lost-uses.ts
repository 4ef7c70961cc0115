import lostUsesSql from '../../sql/redemption/lost-uses.sql';
import { withRules } from '../host/rules.js';
import type { Queryable } from '../postgres/database.js';
import type { AnswerRow } from './answers.js';
import type { Host } from './host.js';
import { momentOf } from './moments.js';
import type { Attempted } from './redeem.js';
import { arrayOfIds } from './statements.js';

const lostUses = withRules(lostUsesSql);

/**
 * Looks for uses that earlier attempts of these requests may have made, with nothing that a fresh connection would have to
 * compile first. A use that is found under the request's own id, code and customer answers the request. One that is not
 * found proves nothing: its attempt may still be under way, and only a function that takes the attempt's lock can tell.
 */
export async function findLostUses(
  connection: Queryable,
  host: Host,
  entries: readonly Attempted[],
): Promise<Map<Attempted, AnswerRow>> {
  // In a function the time zone is set, as a cast of a column without one takes it.
  const statement = host.sql(lostUses.replaceAll('u.:"used_at"::timestamptz', () => momentOf(host, 'uses', 'usedAt')));
  const { rows } = await connection.query(statement, [
    arrayOfIds(entries.map(({ useId }) => useId)),
    entries.map(({ request }) => request.code),
    entries.map(({ request }) => request.shopId),
    entries.map(({ request }) => request.customerAddress),
  ]);
  const answers = rows.map(({ answer }) => JSON.parse(answer) as AnswerRow);
  return new Map(answers.map((answer) => [entries[Number(answer[0]) - 1]!, answer]));
}
