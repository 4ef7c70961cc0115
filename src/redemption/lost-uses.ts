import lostUsesSql from '../../sql/lost-uses.sql';
import { withRules } from '../host/rules.js';
import type { Queryable } from '../postgres/database.js';
import { renderSqlText } from '../postgres/sql-text.js';
import type { AnswerRow } from './answers.js';
import type { Attempted } from './redeem.js';

/**
 * Looks for uses that earlier attempts of these requests may have made, with nothing that a fresh connection would have to
 * compile first. A use that is found under the request's own id, code and customer answers the request. One that is not
 * found proves nothing: its attempt may still be under way, and only a function that takes the attempt's lock can tell.
 */
export async function findLostUses(
  connection: Queryable,
  schema: string,
  entries: readonly Attempted[],
): Promise<Map<Attempted, AnswerRow>> {
  const { rows } = await connection.query(renderSqlText(withRules(lostUsesSql), { schema }), [
    `{${entries.map(({ useId }) => useId).join(',')}}`,
    entries.map(({ request }) => request.code),
    entries.map(({ request }) => request.shopId),
    entries.map(({ request }) => request.customerAddress),
  ]);
  const answers = rows.map(({ answer }) => JSON.parse(answer) as AnswerRow);
  return new Map(answers.map((answer) => [entries[Number(answer[0]) - 1]!, answer]));
}
