import { CODE_COLUMNS, describeTables, snakeCase, USE_COLUMNS } from './description.js';

/** What is wrong in a description, wherever the tables may be. */
export interface StructureIssue {
  path: (string | number)[];
  message: string;
}

type Fields = Record<string, unknown>;

/**
 * What is wrong in the option `tables` that no server needs to be asked about. Other parts of it may be of any type: these
 * have issues of their own.
 */
export function tableIssues(tables: unknown): StructureIssue[] {
  const codes = fieldsOf(fieldsOf(tables).codes);
  const uses = fieldsOf(fieldsOf(tables).uses);
  return [
    ...sameTable(codes.name, uses.name),
    ...countingIssues(fieldsOf(codes.columns), fieldsOf(uses.columns)),
    ...repeatedColumns('codes', CODE_COLUMNS, fieldsOf(codes.columns)),
    ...repeatedColumns('uses', USE_COLUMNS, fieldsOf(uses.columns)),
    ...bonusTypeIssues(fieldsOf(codes.bonusTypes)),
    ...rolledBackIssues(fieldsOf(uses.rolledBack), fieldsOf(uses.columns)),
  ];
}

function sameTable(codes: unknown, uses: unknown): StructureIssue[] {
  const defaults = describeTables('public');
  if ((codes ?? defaults.codes.name) !== (uses ?? defaults.uses.name)) return [];
  const [table, other] = uses === undefined ? ['codes', 'uses'] : ['uses', 'codes'];
  return [{ path: [table!, 'name'], message: `must be another table than that of ${other}` }];
}

/** Counting needs a code's id, what says which code a use is of, and something to count. */
function countingIssues(codes: Fields, uses: Fields): StructureIssue[] {
  const issues: StructureIssue[] = [];
  const note = (table: string, role: string, message: string) =>
    issues.push({ path: [table, 'columns', role], message: `must not be null: ${message}` });
  if (codes.id === null) note('codes', 'id', 'the counters of a code are found by its id');
  if (uses.promoCodeId === null) note('uses', 'promoCodeId', 'it says which code a use is of');
  if (codes.timesUsed === null && codes.totalBonusIssued === null) {
    note('codes', 'timesUsed', 'one of timesUsed and totalBonusIssued is needed, otherwise there is nothing to count');
  }
  if (uses.bonusAmount === null && typeof codes.maxTotalBonus === 'string') {
    note('uses', 'bonusAmount', 'it is what the budget maxTotalBonus is for');
  }
  if (uses.bonusAmount === null && codes.totalBonusIssued !== null) {
    note(
      'uses',
      'bonusAmount',
      'totalBonusIssued is its sum; for a host that only counts uses, totalBonusIssued is null too',
    );
  }
  return issues;
}

function repeatedColumns(table: 'codes' | 'uses', roles: readonly string[], given: Fields): StructureIssue[] {
  const byColumn = new Map<string, string>();
  // Those with their own names first: the issue is of the role that was given the name.
  const ordered = [...roles].sort((one, other) => Number(isGiven(given, one)) - Number(isGiven(given, other)));
  return ordered.flatMap((role): StructureIssue[] => {
    const column = nameOf(given, role);
    if (column === undefined) return [];
    const other = byColumn.get(column);
    if (other === undefined) {
      byColumn.set(column, role);
      return [];
    }
    const remedy = isGiven(given, other) ? '' : `, unless ${other} is named otherwise or null`;
    return [{ path: [table, 'columns', role], message: `must be another column than that of ${other}${remedy}` }];
  });
}

const isGiven = (given: Fields, role: string) => given[role] !== undefined;

/** The column of a role, its own name where none is given. */
function nameOf(given: Fields, role: string): string | undefined {
  const name = given[role] === undefined ? snakeCase(role) : given[role];
  return typeof name === 'string' ? name : undefined;
}

/** Words are compared as the server does, without case and outer spaces. */
function bonusTypeIssues(bonusTypes: Fields): StructureIssue[] {
  const wordsOf = (type: 'fixed' | 'percentage') => textsOf(bonusTypes[type] ?? [type]).map(foldWord);
  const fixed = wordsOf('fixed');
  return (['fixed', 'percentage'] as const).flatMap((type) => {
    const given = bonusTypes[type];
    if (!Array.isArray(given)) return [];
    const path = ['codes', 'bonusTypes', type];
    if (given.length === 0) return [{ path, message: 'must hold at least one word; leave it out for the default' }];
    return [
      ...repeatedTexts(path, given, foldWord),
      ...given.flatMap((text, place): StructureIssue[] => {
        const others = type === 'percentage' ? fixed : bonusTypes.percentage === undefined ? wordsOf('percentage') : [];
        if (typeof text !== 'string' || !others.includes(foldWord(text))) return [];
        return [{ path: [...path, place], message: 'must not be a word for both types of bonus' }];
      }),
    ];
  });
}

function rolledBackIssues(given: Fields, columns: Fields): StructureIssue[] {
  const issues: StructureIssue[] = [];
  const note = (path: (string | number)[], message: string) =>
    issues.push({ path: ['uses', 'rolledBack', ...path], message });
  const { column, counts, value } = given;
  const role = USE_COLUMNS.find((candidate) => nameOf(columns, candidate) === column);
  if (typeof column === 'string' && role !== undefined) note(['column'], `must be another column than that of ${role}`);
  if (counts === undefined) {
    for (const name of ['value', 'redeemed', 'reserved']) {
      if (given[name] !== undefined)
        note([name], 'must come with counts, the values of a use that counts; a timestamp has none of them');
    }
    return issues;
  }
  if (value === undefined) note(['value'], 'must be given with counts: it is what a use gets when it is rolled back');
  if (!Array.isArray(counts)) return issues;
  if (counts.length === 0) note(['counts'], 'must hold at least one value: of which uses count');
  issues.push(...repeatedTexts(['uses', 'rolledBack', 'counts'], counts, (text) => text));
  if (typeof value === 'string' && counts.includes(value))
    note(['value'], 'must not be among counts: such a use would still be counted');
  for (const name of ['redeemed', 'reserved']) {
    const text = given[name];
    if (typeof text === 'string' && !counts.includes(text)) note([name], 'must be among counts: a new use counts');
  }
  return issues;
}

function repeatedTexts(path: (string | number)[], given: unknown[], fold: (text: string) => string): StructureIssue[] {
  const folded = given.map((text) => (typeof text === 'string' ? fold(text) : undefined));
  return folded.flatMap((text, place) =>
    text !== undefined && folded.indexOf(text) < place
      ? [{ path: [...path, place], message: 'must not be named twice' }]
      : [],
  );
}

/** A word for a type of bonus, as the server compares it: without outer spaces and the case of ASCII letters. */
export function foldWord(word: string): string {
  return word.replaceAll(/^ +| +$/g, '').replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
