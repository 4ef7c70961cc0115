import * as v from 'valibot';

/** Between years that PostgreSQL and `Date` both write with four digits. */
const FIRST = Date.parse('0001-01-01T00:00:00Z');
const LAST = Date.parse('9999-12-31T23:59:59.999Z');
/** What a code without an end has in place of its end. */
const NO_END = 8.64e15;

const RULE =
  "must be a valid Date between the years 1 and 9999, or an ISO 8601 string with an offset, such as '2026-12-31T23:59:59Z'";
const OFFSET_RULE =
  "must have an offset, such as Z or +02:00 ('2026-12-31T23:59:59Z'): without one it is another moment in every time zone";

const DAY = '(?<year>\\d{4})-(?<month>\\d{2})-(?<day>\\d{2})';
const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d(?:[.,]\\d{1,9})?)?';
const OFFSET = '(?:[Zz]|[+-](?:0\\d|1[0-4])(?::?[0-5]\\d)?)';
const MOMENT = new RegExp(`^${DAY}[Tt ]${TIME}${OFFSET}$`);
const WITHOUT_OFFSET = new RegExp(`^${DAY}(?:[Tt ]${TIME})?$`);
const LONGEST = 40;

/** A moment, as a `Date`. A string is read to the millisecond, as a `Date` holds it. */
export const dateField = momentField(false);

/** A moment, or no end: `null`, or what a code without an end has. */
export const endField = v.nullable(momentField(true));

function momentField(isEnd: boolean) {
  const rule = isEnd ? `${RULE}, or null for no end` : RULE;
  return v.pipe(
    v.custom<Date | string>((value) => value instanceof Date || typeof value === 'string', rule),
    v.rawTransform(({ dataset, addIssue, NEVER }): Date => {
      const given = dataset.value;
      if (typeof given === 'string' && given.length <= LONGEST && WITHOUT_OFFSET.test(given.trim())) {
        addIssue({ message: OFFSET_RULE });
        return NEVER;
      }
      const moment = typeof given === 'string' ? parsed(given) : given;
      const time = moment.getTime();
      if ((time >= FIRST && time <= LAST) || (isEnd && time === NO_END)) return moment;
      addIssue({ message: rule });
      return NEVER;
    }),
  );
}

/** An invalid `Date` for what is none: `Date.parse` alone takes the 30th of February for the 2nd of March. */
function parsed(text: string): Date {
  const { year, month, day } = (text.length <= LONGEST && MOMENT.exec(text.trim())?.groups) || {};
  const daysOfMonth = new Date(Date.UTC(2_000 + (Number(year) % 400), Number(month), 0)).getUTCDate();
  if (year === undefined || Number(month) > 12 || Number(day) === 0 || Number(day) > daysOfMonth)
    return new Date(Number.NaN);
  const iso = text.trim().toUpperCase().replace(' ', 'T').replace(',', '.');
  // Date.parse asks for minutes in an offset, and a colon before them.
  return new Date(iso.replace(/([+-]\d{2}):?(\d{2})?$/, (_, hours: string, minutes = '00') => `${hours}:${minutes}`));
}

/** As PostgreSQL reads it. Times are written as UTC, which columns without time zone hold. */
export function toTimestamp(date: Date | null): string {
  return date === null || date.getTime() === NO_END ? 'infinity' : date.toISOString();
}
