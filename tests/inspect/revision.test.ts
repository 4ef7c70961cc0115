import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeTables } from '../../src/host/description';
import { functionDefinitions, SQL_REVISION } from '../../src/inspect/definition';
import { countsOnly } from '../../src/inspect/marks';
import { withDefaults } from '../../src/inspect/options';
import { functionFiles } from '../../src/inspect/sql-files';
import { useSchema } from '../support';

const types = { codeId: 'bigint', useId: 'bigint' };
const layout = { ...describeTables('public'), librarySchema: 'pgpromocodes', types };
const definitions = functionDefinitions({ layout, options: withDefaults({ history: true }), keepsHistory: true });

/**
 * The bodies of each revision that was released. A body that changes needs the next revision, in its first line and in
 * `SQL_REVISION`: only so does an older version of the library leave a newer database alone.
 */
const RELEASED: Record<number, string> = {
  1: 'c4bf1441318e589a7ce6b6e7842f080c67748de421cce14904a5eea379aaaefc',
  2: '848e7439b6d4c5a30d373b7bc82d6aeb6d2e266ac2a4448bb9da942af89107e8',
};

it('every function carries the current revision', () => {
  for (const { name, source } of definitions) {
    expect(source, name).toMatch(new RegExp(`^\n-- pg-promo-codes ${SQL_REVISION}\n`));
  }
});

it('the bodies of a released revision have not changed', () => {
  const hash = createHash('sha256').update(functionFiles.join('\n')).digest('hex');
  expect(hash).toBe(RELEASED[SQL_REVISION]);
});

/** These are called by the others only, and run under their settings or become part of their statements; or are a constant. */
const WITHOUT_SETTINGS = [
  ...[
    'apply_promo_code_stats',
    'apply_promo_code_campaign_stats',
    'promo_code_value',
    'promo_code_is_percentage',
    'promo_code_bonus',
  ],
  'promo_code_installation',
];

it('every other function has its search_path pinned', () => {
  const pinned = definitions.filter(({ settings }) => settings.includes('search_path=pg_catalog, "public", pg_temp'));
  const names = definitions.filter((definition) => !pinned.includes(definition)).map(({ name }) => name);
  expect(names.sort()).toEqual(WITHOUT_SETTINGS.sort());
});

it('every function is closed to PUBLIC, and what counts to everybody but the owner', () => {
  for (const { name, arguments: types, statements, securityDefiner, isForRedeemers } of definitions) {
    expect(statements.at(-1), name).toBe(`REVOKE ALL ON FUNCTION "pgpromocodes".${name}(${types}) FROM PUBLIC;`);
    const isOfTriggers = statements[0]!.includes('RETURNS trigger');
    // But for those that ask what their caller may do.
    if (isOfTriggers) expect(securityDefiner, name).toBe(!statements[0]!.includes('IF NOT has_table_privilege('));
    expect(isForRedeemers, name).toBe(
      !isOfTriggers && !/promo_code_(campaign_)?(stats|history|keeps_zone|use_is_counted_by_row)$/.test(name),
    );
    // Who redeems has the rights of the owner only where the function asks for those on the table.
    if (isForRedeemers && securityDefiner) expect(statements[0], name).toContain('IF NOT has_table_privilege(');
  }
});

it('what is sent to the server are characters that every encoding has', () => {
  const folder = new URL('../../sql/', import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.sql'));
  expect(files.length).toBeGreaterThan(40);
  for (const file of files) expect(readFileSync(new URL(file, folder), 'utf8'), file).toMatch(/^[\x20-\x7e\n]*$/);
});

const text = (file: string) => readFileSync(new URL(`../../sql/${file}`, import.meta.url), 'utf8');

it('what the scripts take for the current revision is it', () => {
  expect(/^ {2}revision constant integer := (\d+);$/m.exec(text('installation/preflight.sql'))?.[1]).toBe(
    String(SQL_REVISION),
  );
});

/** Functions of triggers that the seed, or a host, may have. */
const COUNTING = [
  'BEGIN UPDATE promo_codes SET times_used = times_used + 1 WHERE id = NEW.promo_code_id; RETURN NEW; END;',
  `BEGIN
     -- one more
     UPDATE "Shop"."promo_codes" SET times_used = GREATEST(0, times_used - 1), updated_at = CURRENT_TIMESTAMP,
       total_bonus_issued = total_bonus_issued - COALESCE(OLD.bonus_amount, 0) WHERE id = OLD.promo_code_id;
     RETURN OLD;
   END`,
];
const MORE = [
  'BEGIN UPDATE coupons SET times_used = times_used + 1 WHERE id = NEW.promo_code_id; RETURN NEW; END;',
  'BEGIN UPDATE promo_codes SET times_used = times_used + 1; PERFORM notify(); RETURN NEW; END;',
  'BEGIN UPDATE promo_codes SET last_use = now() WHERE id = NEW.promo_code_id; RETURN NEW; END;',
  'BEGIN UPDATE promo_codes SET times_used = other(id); RETURN NEW; END;',
  'BEGIN RETURN NEW; END;',
  `BEGIN
-- pg-promo-codes 1
UPDATE promo_codes SET times_used = 1 WHERE id = NEW.promo_code_id; RETURN NEW; END`,
];

describe("the seed's counting", () => {
  const t = useSchema('patterns');
  const pattern = (name: string) =>
    new RegExp(`^ {2}${name} constant text := (E?'[^']*');$`, 'm').exec(text('installation/preflight.sql'))?.[1];

  it.each([...COUNTING.map((source) => [source, true] as const), ...MORE.map((source) => [source, false] as const)])(
    'is recognised by the script as by the library: %s is %s',
    async (source, expected) => {
      expect(countsOnly(source, layout)).toBe(expected);
      const plain = `regexp_replace($1::text, ${pattern('clutter')}, ' ', 'gi')`;
      const { rows } = await t.sql<{ is: boolean }>(
        `SELECT ${plain} ~* ${pattern('counting')} AND ${plain} !~* ${pattern('other_words')}
              AND $1::text !~ E'(?n)^\\s*-- pg-promo-codes ([0-9]+)$' AS is`,
        [source],
      );
      expect(rows).toEqual([{ is: expected }]);
    },
  );
});
