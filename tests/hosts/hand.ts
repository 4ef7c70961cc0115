import pg from 'pg';
import { type CodeColumn, snakeCase, type UseColumn } from '../../src/host/description';
import type { TestSchema } from '../support';
import { type Host, hasUseColumn, rolledBackOf } from './host';

/** What a host's application would write and read by itself, as plain SQL that knows nothing of the library. */
export interface Hand {
  /** The tables, quoted, with their schema. */
  readonly codes: string;
  readonly uses: string;
  /** The quoted column for a role. */
  code(role: CodeColumn): string;
  use(role: UseColumn): string;
  /** Adds a code without limits and gives its id. */
  insertCode(name: string): Promise<string>;
  /** Adds uses in one statement and gives their ids. */
  insertUses(...uses: HandUse[]): Promise<string[]>;
  /** Sets a column of a use; `value` is SQL. */
  setUse(id: string, role: UseColumn, value: string): Promise<void>;
  /** Makes it a use of another code. */
  moveUse(id: string, code: string): Promise<void>;
  setCode(id: string, role: CodeColumn, value: string): Promise<void>;
  deleteUse(id: string): Promise<void>;
  /** For hosts that keep uses which were taken back. */
  takeBack(id: string): Promise<void>;
  bringBack(id: string): Promise<void>;
  /** The row of a use, as text; none where it is gone. */
  rowOf(id: string): Promise<Record<string, string | null> | undefined>;
  /** What the counters of every code are and what its uses come to, in one snapshot, by id. */
  tallies(): Promise<Map<string, Tally>>;
  /** Runs a statement past every trigger, as a load of data does that switches them off. */
  unguarded(statement: string): Promise<void>;
}

interface HandUse {
  code: string;
  customer: string;
  bonus?: string;
}

/** A counter that the host does not have is `null`. */
export interface Tally {
  uses: number;
  total: string;
  timesUsed: number | null;
  totalBonusIssued: string | null;
}

export function handOf(t: Pick<TestSchema, 'sql'>, host: Host): Hand {
  const { codes: codesGiven, uses: usesGiven } = host.tables ?? {};
  const quoted = (given: string | null | undefined, role: string) =>
    given === null ? null : pg.escapeIdentifier(given ?? snakeCase(role));
  const codeColumn = (role: CodeColumn) => quoted(codesGiven?.columns?.[role], role);
  const useColumn = (role: UseColumn) => quoted(usesGiven?.columns?.[role], role);
  const present = (column: string | null, role: string): string => {
    if (column === null) throw new Error(`${host.name} has no column for ${role}`);
    return column;
  };
  const code = (role: CodeColumn) => present(codeColumn(role), role);
  const use = (role: UseColumn) => present(useColumn(role), role);
  const codes = `:"schema".${pg.escapeIdentifier(codesGiven?.name ?? 'promo_codes')}`;
  const uses = `:"schema".${pg.escapeIdentifier(usesGiven?.name ?? 'promo_code_uses')}`;
  const kept = rolledBackOf(host);
  const keptColumn = kept ? pg.escapeIdentifier(kept.column) : undefined;
  const counted = !kept
    ? 'true'
    : kept.counts
      ? `${keptColumn}::text IN (${kept.counts.map(pg.escapeLiteral).join(', ')})`
      : `${keptColumn} IS NULL`;

  async function insert(table: string, id: string, rows: Map<string, unknown>[]): Promise<string[]> {
    const columns = [...rows[0]!.keys()];
    const values: unknown[] = [];
    const lines = rows.map((row) => `(${columns.map((column) => `$${values.push(row.get(column))}`).join(', ')})`);
    const statement = `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${lines.join(', ')} RETURNING ${id}::text AS id`;
    const { rows: made } = await t.sql<{ id: string }>(statement, values);
    return made.map((row) => row.id);
  }
  /** Only the columns that the host has. */
  const rowOf = (fields: [string | null, unknown][], more: Record<string, unknown> = {}) =>
    new Map([
      ...fields.filter((field): field is [string, unknown] => field[0] !== null),
      ...Object.entries(more).map(([column, value]) => [pg.escapeIdentifier(column), value] as const),
    ]);
  const run = async (statement: string, values: unknown[]) => {
    const { rowCount } = await t.sql(statement, values);
    if (rowCount !== 1) throw new Error(`${rowCount} rows instead of one: ${statement}`);
  };
  const setKept = (id: string, value: string) =>
    run(`UPDATE ${uses} SET ${keptColumn} = ${value} WHERE ${use('id')}::text = $1`, [id]);
  const DAY = 86_400_000;

  return {
    codes,
    uses,
    code,
    use,
    insertCode: async (name) => {
      const fields: [string | null, unknown][] = [
        [codeColumn('code'), name],
        [codeColumn('shopId'), host.shop ?? 'shop'],
        [codeColumn('name'), name],
        [codeColumn('bonusType'), codesGiven?.bonusTypes?.fixed?.[0] ?? 'fixed'],
        [codeColumn('bonusValue'), '5.00'],
        [codeColumn('startDate'), new Date(Date.now() - 2 * DAY)],
        [codeColumn('endDate'), new Date(Date.now() + 2 * DAY)],
        [codeColumn('perCustomerLimit'), null],
        [codeColumn('updatedAt'), new Date()],
      ];
      const [id] = await insert(codes, code('id'), [rowOf(fields, host.codeColumns)]);
      return id!;
    },
    insertUses: (...given) =>
      insert(
        uses,
        use('id'),
        given.map(({ code: of, customer, bonus = '5.00' }) =>
          rowOf(
            [
              [useColumn('promoCodeId'), of],
              [useColumn('customerAddress'), customer],
              [useColumn('shopId'), host.shop ?? 'shop'],
              [useColumn('baseReward'), '10.00'],
              [useColumn('bonusAmount'), bonus],
              [useColumn('totalReward'), (10 + Number(bonus)).toFixed(2)],
              [kept?.redeemed === undefined ? null : keptColumn!, kept?.redeemed],
            ],
            host.useColumns,
          ),
        ),
      ),
    setUse: (id, role, value) => run(`UPDATE ${uses} SET ${use(role)} = ${value} WHERE ${use('id')}::text = $1`, [id]),
    moveUse: (id, of) =>
      run(
        `UPDATE ${uses} SET ${use('promoCodeId')} = (SELECT ${code('id')} FROM ${codes} WHERE ${code('id')}::text = $2)
          WHERE ${use('id')}::text = $1`,
        [id, of],
      ),
    setCode: (id, role, value) =>
      run(`UPDATE ${codes} SET ${code(role)} = ${value} WHERE ${code('id')}::text = $1`, [id]),
    deleteUse: (id) => run(`DELETE FROM ${uses} WHERE ${use('id')}::text = $1`, [id]),
    takeBack: (id) => setKept(id, kept?.counts ? pg.escapeLiteral(kept.value) : 'now()'),
    bringBack: (id) => setKept(id, kept?.counts ? pg.escapeLiteral(kept.redeemed ?? kept.counts[0]!) : 'NULL'),
    rowOf: async (id) => {
      const { rows } = await t.sql<{ row: Record<string, unknown> }>(
        `SELECT to_jsonb(u) AS row FROM ${uses} AS u WHERE u.${use('id')}::text = $1`,
        [id],
      );
      const [found] = rows;
      if (!found) return undefined;
      return Object.fromEntries(
        Object.entries(found.row).map(([column, value]) => [column, value === null ? null : String(value)]),
      );
    },
    tallies: async () => {
      const amount = hasUseColumn(host, 'bonusAmount') ? `coalesce(${use('bonusAmount')}, 0)` : '0';
      const counter = (column: string | null) => (column === null ? 'NULL' : `c.${column}`);
      const { rows } = await t.sql<Tally & { id: string }>(
        `SELECT c.${code('id')}::text AS id, count(u.code)::int AS uses,
                coalesce(sum(u.bonus), 0)::numeric(18,2)::text AS total,
                ${counter(codeColumn('timesUsed'))}::int AS "timesUsed",
                ${counter(codeColumn('totalBonusIssued'))}::numeric(18,2)::text AS "totalBonusIssued"
           FROM ${codes} AS c
           LEFT JOIN (SELECT ${use('promoCodeId')} AS code, ${amount} AS bonus FROM ${uses} WHERE ${counted}) AS u
             ON u.code = c.${code('id')}
          GROUP BY c.${code('id')}`,
      );
      return new Map(rows.map(({ id, ...tally }) => [id, tally]));
    },
    unguarded: async (statement) => {
      await t.sql(`SET session_replication_role = replica; ${statement}; RESET session_replication_role`);
    },
  };
}
