import { CODE_RULES, type ColumnRule, USE_RULES } from './column-rules.js';
import { CODE_SYNONYMS, USE_SYNONYMS } from './column-synonyms.js';
import { describeTables, EXTRA_COLUMNS, type HostTable, snakeCase } from './description.js';
import { SOFT_DELETE } from './soft-delete.js';
import { isCitext, TIMES } from './types.js';

/** A table that may be one of the two, as `sql/host/similar-tables.sql` reports it. */
export interface SimilarTable {
  schema: string;
  name: string;
  isTable: boolean;
  /** Where it is one column. */
  primaryKey: string | null;
  /** Foreign keys of one column. */
  references: { column: string; schema: string; table: string }[];
  columns: { name: string; baseType: string; isEnum: boolean }[];
}

type Roles = Record<string, string>;

const DEFAULTS = describeTables('public');

/** Roles that say more of a table than its other columns do. */
const TELLING = [
  'code',
  'timesUsed',
  'totalBonusIssued',
  'totalUsageLimit',
  'customerAddress',
  'transactionId',
  'bonusAmount',
];

/**
 * The two tables that look most like codes and their uses, and the options that describe them.
 * @param schema that of the options: another one is part of them
 */
export function describeSimilar(
  schema: string,
  tables: readonly SimilarTable[],
): { tables: [SimilarTable, SimilarTable]; options: string } | undefined {
  const pairs = tables.flatMap((codes) => tables.flatMap((uses) => pairOf(schema, codes, uses) ?? []));
  const [best] = pairs.sort((one, other) => other.score - one.score);
  if (best === undefined) return undefined;
  const { codes, uses } = best;
  const parts = [tableText('codes', codes, best.codeRoles), tableText('uses', uses, best.useRoles)].flat();
  const options = [
    ...(codes.schema === schema ? [] : [`schema: ${quoted(codes.schema)}`]),
    ...(parts.length === 0 ? [] : [`tables: { ${parts.join(', ')} }`]),
  ];
  return { tables: [codes, uses], options: `{ ${options.join(', ')} }` };
}

/** Two tables that uses could be counted in, with how much they look like it. */
function pairOf(schema: string, codes: SimilarTable, uses: SimilarTable) {
  if (codes === uses || codes.schema !== uses.schema || !codes.isTable || !uses.isTable) return undefined;
  const reference = uses.references.find(
    ({ schema, table }) => schema === codes.schema && table === codes.name,
  )?.column;
  const codeRoles = rolesOf(codes, CODE_RULES, CODE_SYNONYMS);
  const useRoles = rolesOf(uses, USE_RULES, USE_SYNONYMS, reference === undefined ? {} : { promoCodeId: reference });
  const { timesUsed, totalBonusIssued, ...others } = codeRoles;
  const isSummed = totalBonusIssued !== undefined && useRoles.bonusAmount !== undefined;
  if (codeRoles.id === undefined || useRoles.promoCodeId === undefined || (timesUsed === undefined && !isSummed)) {
    return undefined;
  }
  const counters = { ...(timesUsed !== undefined && { timesUsed }), ...(isSummed && { totalBonusIssued }) };
  const counted: Roles = { ...others, ...counters };
  const telling = [...Object.keys(counted), ...Object.keys(useRoles)].filter((role) => TELLING.includes(role)).length;
  return {
    codes,
    uses,
    codeRoles: counted,
    useRoles,
    score: telling + (reference === undefined ? 0 : 5) + (codes.schema === schema ? 5 : 0),
  };
}

/** The columns that have the name of a role or a word for it, and a type that it may have. */
function rolesOf(
  table: SimilarTable,
  rules: Record<string, ColumnRule>,
  synonyms: Record<string, string>,
  known: Roles = {},
): Roles {
  const roles: Roles = { ...known };
  const fits = (role: string, { baseType, isEnum }: SimilarTable['columns'][number]) =>
    rules[role]!.types.includes(isEnum ? 'enum' : isCitext(baseType) ? 'citext' : baseType);
  const take = (role: string, words: readonly string[]) => {
    for (const word of words) {
      const column = table.columns.find(
        (candidate) =>
          plainOf(candidate.name) === word && !Object.values(roles).includes(candidate.name) && fits(role, candidate),
      );
      if (column === undefined) continue;
      roles[role] = column.name;
      return;
    }
  };
  const key = table.columns.find(({ name }) => name === table.primaryKey);
  if (key && fits('id', key)) roles.id = key.name;
  // The names themselves first: `discount` is the value where there is no column of a better name.
  for (const role of Object.keys(rules)) if (roles[role] === undefined) take(role, [plainOf(role)]);
  for (const [role, words] of Object.entries(synonyms)) if (roles[role] === undefined) take(role, words.split(' '));
  return roles;
}

/** What is written for one table: names that differ from the defaults, and null for what is not there. */
function tableText(part: HostTable, table: SimilarTable, roles: Roles): string[] {
  const columns = Object.keys(part === 'codes' ? CODE_RULES : USE_RULES).flatMap((role) => {
    const column = roles[role];
    if (column === undefined) return part === 'codes' && isExtra(role) ? [] : [`${role}: null`];
    return column === snakeCase(role) ? [] : [`${role}: ${quoted(column)}`];
  });
  const rolledBack = table.columns.find(
    ({ name, baseType }) =>
      part === 'uses' && SOFT_DELETE.test(name) && TIMES.includes(baseType) && !Object.values(roles).includes(name),
  );
  const fields = [
    ...(table.name === DEFAULTS[part].name ? [] : [`name: ${quoted(table.name)}`]),
    ...(columns.length > 0 ? [`columns: { ${columns.join(', ')} }`] : []),
    ...(rolledBack ? [`rolledBack: { column: ${quoted(rolledBack.name)} }`] : []),
  ];
  return fields.length === 0 ? [] : [`${part}: { ${fields.join(', ')} }`];
}

/** What is not there need not be said of these. */
const isExtra = (role: string) => EXTRA_COLUMNS.some((extra) => extra === role);

/** `promoCodeId` of Prisma, `promo_code_id` and `PromoCodeID` are one. */
function plainOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
}

function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, '\\$&')}'`;
}
