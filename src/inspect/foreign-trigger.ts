const COUNTER = String.raw`"?\b(?:times_used|total_bonus_issued)\b"?`;

/** `SET times_used = …` and `SET name = x, times_used = …`, but not a comparison in the WHERE that follows. */
const UPDATE_SET = new RegExp(
  String.raw`\bset\b(?:(?!\bwhere\b|;)[\s\S])*?${COUNTER}\s*(?:=|(?:,[^;=()]*)?\)\s*=)`,
  'i',
);
/** `NEW.times_used := …`, or with the `=` that PL/pgSQL accepts as well, at the beginning of a statement. */
const ASSIGNMENT = new RegExp(String.raw`(?:^|;|\bbegin\b|\bthen\b|\belse\b|\bloop\b)\s*new\.${COUNTER}\s*:?=`, 'i');
/** `SELECT … INTO NEW.times_used`. */
const INTO = new RegExp(String.raw`\binto\b(?:\s+strict)?\s+(?:[\w.]+\s*,\s*)*new\.${COUNTER}`, 'i');

/**
 * Whether the source of a trigger function writes one of the counters. A judgement of its text: what it calls is not
 * followed, and a name that is put together at run time is not recognised.
 */
export function writesCounters(source: string): boolean {
  const code = source.replace(/--.*$/gm, ' ').replace(/\/\*[\s\S]*?\*\//g, ' ');
  return UPDATE_SET.test(code) || ASSIGNMENT.test(code) || INTO.test(code);
}
