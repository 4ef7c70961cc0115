import { put, takeOut } from '../campaigns/fixture';
import { USE_COLUMNS } from './host';

/** A use as the model knows it: its code, and its bonus in cents; null for NULL. */
interface ModelUse {
  readonly code: number;
  readonly cents: number | null;
}

/** The uses of one client by id. Clients change only their own, so that what a statement hits is known beforehand. */
export type ModelUses = ReadonlyMap<number, ModelUse>;

export interface Write {
  /** SQL, with `:"schema"` to be filled in. */
  readonly sql: string;
  readonly after: ModelUses;
}

/** What a client may write; `pick` chooses among its uses, whatever they are by then. */
export type WriteKind =
  | ('insert' | 'amend' | 'move' | 'delete' | 'upsert' | 'replace' | 'merge' | 'touch' | 'select')
  // Codes that come into one of the campaigns 1 and 2, or leave theirs.
  | ('join' | 'leave');

export interface WriteStep {
  readonly kind: WriteKind;
  readonly uses: readonly ModelUse[];
  readonly pick: number;
}

const USES = ':"schema".promo_code_uses';
const COLUMNS = `(id, ${USE_COLUMNS.slice(1)}`;

const amount = (cents: number | null): string => `${cents === null ? 'NULL' : (cents / 100).toFixed(2)}::numeric`;
const rowOf = (id: number, { code, cents }: ModelUse): string =>
  `(${id}, ${code}, ${amount(cents)}, 'someone', 'shop', 1, 1)`;

/** The statement of a step, and what the client's uses are after it. New uses get the ids that `nextId` gives. */
export function writeOf({ kind, uses, pick }: WriteStep, before: ModelUses, nextId: () => number): Write {
  const after = new Map(before);
  const own = [...before.keys()].filter((_, index) => (index + pick) % 3 !== 0);
  const list = own.join(', ') || 'NULL';
  const [first] = uses;
  const added = uses.map((use) => [nextId(), use] as const);
  const values = added.map(([id, use]) => rowOf(id, use)).join(', ');
  const add = () => {
    for (const [id, use] of added) after.set(id, use);
  };
  const change = (changed: (use: ModelUse) => ModelUse) => {
    for (const id of own) after.set(id, changed(before.get(id)!));
  };
  const { code, cents } = first!;
  switch (kind) {
    case 'insert':
      add();
      return { sql: `INSERT INTO ${USES} ${COLUMNS} VALUES ${values}`, after };
    case 'select':
      add();
      return { sql: `INSERT INTO ${USES} ${COLUMNS} SELECT * FROM (VALUES ${values}) AS v`, after };
    case 'amend':
      change((use) => ({ ...use, cents }));
      return { sql: `UPDATE ${USES} SET bonus_amount = ${amount(cents)} WHERE id IN (${list})`, after };
    case 'move':
      change((use) => ({ ...use, code }));
      return { sql: `UPDATE ${USES} SET promo_code_id = ${code} WHERE id IN (${list})`, after };
    case 'join':
    case 'leave': {
      const codes = [...new Set(uses.map((use) => use.code))];
      return { sql: kind === 'join' ? put(String((pick % 2) + 1), ...codes) : takeOut(...codes), after };
    }
    case 'touch':
      return { sql: `UPDATE ${USES} SET transaction_id = 'tx' WHERE id IN (${list})`, after };
    case 'delete':
      for (const id of own) after.delete(id);
      return { sql: `DELETE FROM ${USES} WHERE id IN (${list})`, after };
    case 'upsert': {
      add();
      change(() => ({ code, cents }));
      const all = [...own.map((id) => rowOf(id, first!)), ...added.map(([id, use]) => rowOf(id, use))];
      return {
        sql: `INSERT INTO ${USES} ${COLUMNS} VALUES ${all.join(', ')} ON CONFLICT (id)
              DO UPDATE SET promo_code_id = excluded.promo_code_id, bonus_amount = excluded.bonus_amount`,
        after,
      };
    }
    case 'replace':
      for (const id of own) after.delete(id);
      add();
      return {
        sql: `WITH gone AS (DELETE FROM ${USES} WHERE id IN (${list})) INSERT INTO ${USES} ${COLUMNS} VALUES ${values}`,
        after,
      };
    case 'merge': {
      for (const [index, id] of own.entries()) {
        if (index % 2 === 0) after.delete(id);
        else after.set(id, { code: before.get(id)!.code, cents });
      }
      add();
      const source = [
        ...own.map((id, index) => `(${id}, ${code}, ${amount(cents)}, ${index % 2 === 0})`),
        ...added.map(([id, use]) => `(${id}, ${use.code}, ${amount(use.cents)}, false)`),
      ];
      return {
        sql: `MERGE INTO ${USES} AS u USING (VALUES ${source.join(', ')}) AS s(id, code, bonus, gone) ON u.id = s.id
              WHEN MATCHED AND s.gone THEN DELETE
              WHEN MATCHED THEN UPDATE SET bonus_amount = s.bonus
              WHEN NOT MATCHED THEN INSERT ${COLUMNS} VALUES (s.id, s.code, s.bonus, 'someone', 'shop', 1, 1)`,
        after,
      };
    }
  }
}
