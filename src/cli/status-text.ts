import type { ObjectState } from '../inspect/object-state.js';
import type { Status } from './commands/status.js';
import { inOwnWords } from './explain-error.js';
import { paint } from './paint.js';
import { counted, list, table, visible } from './table.js';
import { hasColor, type Terminal, widthOf } from './terminal.js';

/** More lines of one fix are left to `install`, which runs them. */
const MOST_LINES = 4;
/** More fixes than these do not fit one screen. */
const MOST_FIXES = 8;
const MOST_WARNINGS = 5;
const COUNTED = 100_000;
/** What kind, state and count take up of a line. */
const OTHER_COLUMNS = 28;

/** The state of an installation on one screen; what to do comes last. */
export function statusText(status: Status, target: string, terminal: Terminal): string {
  const { versions, revision, librarySchema, schema } = status;
  const colors = paint(hasColor(terminal, terminal.stdout));
  const isInOrder = status.ok && !status.reconcilePending;
  const installed = revision === 0 ? 'nothing' : `SQL revision ${revision}`;
  const newer = revision > versions.sqlRevision ? ', of a newer version' : '';
  const head = [
    ['library', `pg-promo-codes ${versions.library}, SQL revision ${versions.sqlRevision}`],
    ['server', `PostgreSQL ${versions.server} at ${visible(target, 200)}`],
    ['tables', `in schema ${visible(schema)}; library in schema ${visible(librarySchema)}`],
    ['installed', `${installed}${newer}`],
    [
      'options',
      `counterWrites ${status.counterWrites}, enforceLimits ${status.enforceLimits}, history ${status.history}, by ${status.granularity}`,
    ],
    ['', `timeZone ${visible(status.timeZone)}, customerMatching ${status.customerMatching}`],
    ['cleaning up', `${most(status.dueHolds, 'hold')} due, ${most(status.oldKeys, 'key')} older than 90 days`],
    [
      'compared',
      status.oldestCheck ? `everything since ${status.oldestCheck.toISOString()}` : 'not everything by scrub',
    ],
  ] as const;
  const steps = whatToDo(status);
  return [
    list(head),
    '',
    objectTable(status.objects, widthOf(terminal)),
    ...warningLines(status.warnings, colors.yellow),
    ...fixLines(status.objects),
    '',
    isInOrder ? colors.green('All is in order.') : colors.red('Not in order: the counters can drift.'),
    `To do: ${steps.length === 0 ? 'nothing.' : ''}`.trimEnd(),
    ...steps.map((step) => `  ${step}`),
    ...(isInOrder ? ['To compare the counters with the uses: pg-promo-codes check'] : []),
  ].join('\n');
}

function most(count: number | null, one: string): string {
  if (count === null) return `${one}s not to be read,`.replace(/,$/, '');
  return count > COUNTED ? `more than ${counted(COUNTED, one)}` : counted(count, one);
}

/** A line for each kind and state; names only of what is not in order. */
function objectTable(objects: readonly ObjectState[], width: number): string {
  const groups = new Map<string, ObjectState[]>();
  for (const object of objects) {
    const key = `${object.kind} ${object.state}`;
    groups.set(key, [...(groups.get(key) ?? []), object]);
  }
  const rows = [...groups.values()].map((group) => {
    const { kind, state } = group[0]!;
    const names = state === 'ok' ? '' : group.map(nameOf).join(', ');
    return [kind, state, String(group.length), visible(names, Math.max(20, width - OTHER_COLUMNS))];
  });
  return table(
    [{ title: 'object' }, { title: 'state' }, { title: 'count', isNumber: true }, { title: '' }],
    rows,
    width,
  );
}

function nameOf({ kind, name, table: on }: ObjectState): string {
  // Foreign ones say nothing of the table by their names.
  return kind === 'trigger' && on !== undefined ? `${name} on ${on.slice(on.indexOf('.') + 1)}` : name;
}

function warningLines(warnings: readonly string[], color: (text: string) => string): string[] {
  const lines = warnings
    .slice(0, MOST_WARNINGS)
    .map((warning) => color(`Warning: ${visible(inOwnWords(warning), 400)}`));
  const more = warnings.length - MOST_WARNINGS;
  return lines.length === 0 ? [] : ['', ...lines, ...(more > 0 ? [`… and ${more} more (--json has all)`] : [])];
}

/** The SQL that fixes what is not in order, where a person would type it. */
function fixLines(objects: readonly ObjectState[]): string[] {
  const faulty = objects.filter(({ state }) => state !== 'ok');
  const short = faulty.filter(({ fix }) => fix !== null && fix.split('\n').length <= MOST_LINES);
  const shown = short.slice(0, MOST_FIXES);
  const reasons = faulty.flatMap(({ name, reason }) => (reason ? [`${visible(name)}: ${visible(reason, 300)}`] : []));
  const left = faulty.filter(({ fix }) => fix !== null).length - shown.length;
  const lines = [...reasons, ...shown.map(({ fix }) => `  ${fix!.replaceAll('\n', '\n  ')}`)];
  if (left > 0)
    lines.push(`  -- ${counted(left, 'more object')}: pg-promo-codes install, or its SQL: pg-promo-codes sql triggers`);
  return lines.length === 0 ? [] : ['', 'SQL that fixes it:', ...lines];
}

function whatToDo({ objects, reconcilePending, dueHolds, oldKeys }: Status): string[] {
  const steps: string[] = [];
  const has = (...states: ObjectState['state'][]) => objects.some(({ state }) => states.includes(state));
  if (has('newer')) steps.push('Upgrade the package pg-promo-codes here: the database is of a newer version.');
  if (has('foreign'))
    steps.push('Drop or change what is foreign: it writes the counters as well, or stands in the way.');
  if (has('missing', 'outdated', 'disabled') || reconcilePending) {
    const why = has('missing', 'outdated', 'disabled')
      ? 'puts it in order and recounts'
      : 'recounts what has not been yet';
    steps.push(`pg-promo-codes install   ${why}`);
  }
  if (dueHolds) steps.push('pg-promo-codes release   releases the holds that are due');
  if (oldKeys) steps.push('pg-promo-codes prune     forgets the old keys');
  return steps;
}
