import * as v from 'valibot';
import { ValidationError, type ValidationIssue } from '../errors.js';
import { issuesOf, readable } from '../options.js';
import { describeReceived } from '../received.js';

/** The fields of a code that depend on each other. */
export interface CodeRules {
  bonusType?: string | undefined;
  bonusValue?: string | undefined;
  /** `undefined`: the host has no column for a cap. */
  maxBonus?: string | null | undefined;
  /** `null`: from ever. */
  startDate?: Date | null | undefined;
  /** `null`: no end. */
  endDate?: Date | null | undefined;
}

/**
 * Checks the input for a whole code: each field, and then what must hold between fields, as far as these are right by
 * themselves; throws a `ValidationError` with every issue at once.
 * @param callee whose input it is, as messages name it
 * @param rules what must hold besides; fields in `wrong` must not be looked at
 */
export function parseCode<Schema extends v.GenericSchema<unknown, CodeRules>>(
  schema: Schema,
  input: unknown,
  callee: string,
  rules?: FurtherRules<v.InferOutput<Schema>>,
): v.InferOutput<Schema> {
  const { issues, code } = checkCode(schema, input, callee, rules);
  if (issues.length > 0) throw new ValidationError(issues);
  return code;
}

type FurtherRules<Code> = (code: Code, wrong: ReadonlySet<string>) => ValidationIssue[];

/** The same without throwing; the code is right where there is no issue. */
export function checkCode<Schema extends v.GenericSchema<unknown, CodeRules>>(
  schema: Schema,
  input: unknown,
  callee: string,
  rules: FurtherRules<v.InferOutput<Schema>> = () => [],
): { issues: ValidationIssue[]; code: v.InferOutput<Schema> } {
  const result = readable('input', () => v.safeParse(schema, input));
  const code = result.output as v.InferOutput<Schema>;
  const issues: ValidationIssue[] = result.issues ? issuesOf(schema, result.issues, callee, 'input') : [];
  const wrong = new Set(issues.map(({ path }) => path));
  if (!wrong.has('input')) {
    const between = [...codeIssues(code, wrong), ...rules(code, wrong)];
    issues.push(...between.map((issue) => withReceived(issue, input)));
  }
  return { issues, code };
}

function withReceived(issue: ValidationIssue, input: unknown): ValidationIssue {
  const received = describeReceived((input as Record<string, unknown>)[issue.path]);
  return { ...issue, ...(received !== undefined && { received }) };
}

/** What must hold of a code as a whole, new or changed. Fields in `wrong` are not looked at. */
export function codeIssues(code: CodeRules, wrong: ReadonlySet<string> = new Set()): ValidationIssue[] {
  const issues: ValidationIssue[] = [];
  const right = (...fields: (keyof CodeRules)[]) => fields.every((field) => !wrong.has(field));
  if (right('bonusType') && code.bonusType === 'percentage') {
    if (right('bonusValue') && code.bonusValue !== undefined && !isAtMostHundred(code.bonusValue)) {
      issues.push({ path: 'bonusValue', message: 'must not be above 100 for a percentage' });
    }
    if (right('maxBonus') && code.maxBonus === null) {
      issues.push({ path: 'maxBonus', message: 'must be given for a percentage, as its cap' });
    }
  }
  if (right('startDate', 'endDate') && code.startDate && code.endDate && code.endDate < code.startDate) {
    issues.push({ path: 'endDate', message: 'must not be before startDate' });
  }
  return issues;
}

/** Of an amount without leading or trailing zeros, or as the server writes it, with the zeros of the column's scale. */
function isAtMostHundred(amount: string): boolean {
  const [whole = '', fraction = ''] = amount.split('.');
  return whole.length < 3 || (whole === '100' && Number(fraction) === 0);
}
