import { NotInstalledError } from '../errors.js';
import { type CodeColumn, snakeCase, type UseColumn } from './description.js';

/** Something that is not as a description says, or of a type that cannot serve. */
export interface DescriptionFault {
  /** `schema`, `schema.table` or `schema.table.column`. */
  path: string;
  /** What the column is described as. */
  role?: CodeColumn | UseColumn | 'rolledBack';
  /** What it is: `is double precision`, `does not exist`. */
  is: string;
  /** What it may be: `one of: smallint, integer, bigint, numeric`. */
  mayBe?: string;
}

/** A fault for a person to read. The role is named where the column is called otherwise. */
export function faultText({ path, role, is, mayBe }: DescriptionFault): string {
  const label = role === undefined || path.endsWith(`.${snakeCase(role)}`) ? '' : ` (${role})`;
  return `${path}${label} ${is}${mayBe === undefined ? '' : `, but must be ${mayBe}`}`;
}

/**
 * The error for a host that is not as it was described. Nothing was written.
 * @param hint what the host may have meant, from `hintForMissingTables`
 */
export function notAsDescribed(faults: readonly DescriptionFault[], hint = ''): NotInstalledError {
  return new NotInstalledError(
    `The tables that pg-promo-codes counts in are not as it needs them: ${faults.map(faultText).join('; ')}. ` +
      'Nothing was changed. Tables and columns of other names are described with the option tables, where a column that a ' +
      `host does not have is null; installSchema() creates tables where a host has none.${hint}`,
    [...new Set(faults.map(({ path }) => path))],
  );
}
