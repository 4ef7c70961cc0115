import type { Call } from '../log.js';
import { type Evidence, originOf } from './evidence.js';

/** Every key has at most one use, and remembers that one. */
export function checkKeys(evidence: Evidence): void {
  const stored = new Map(evidence.rows.keys.map((row) => [`${row.shop} ${row.key}`, row]));
  const uses = new Map<string, Map<string, Call[]>>();
  const note = (key: string, useId: string, calls: readonly Call[]) => {
    const ofKey = uses.get(key) ?? new Map<string, Call[]>();
    ofKey.set(useId, [...(ofKey.get(useId) ?? []), ...calls]);
    uses.set(key, ofKey);
  };
  for (const [useId, told] of evidence.acknowledged) {
    for (const { request, call } of told) {
      if (request.key !== undefined) note(`${request.shop} ${request.key}`, useId, [call]);
    }
  }
  for (const row of evidence.rows.uses) {
    const sent = evidence.requests.get(originOf(row.transaction));
    if (sent?.request.key !== undefined) {
      note(
        `${sent.request.shop} ${sent.request.key}`,
        row.id,
        sent.calls.map(({ call }) => call),
      );
    }
  }
  for (const [key, ofKey] of uses) {
    const calls = [...ofKey.values()].flat();
    const rows = [...ofKey.keys()].flatMap((useId) => evidence.usesById.get(useId) ?? []);
    const row = stored.get(key);
    if (ofKey.size > 1) {
      evidence.report('key_with_two_uses', `The key ${key} has the uses ${[...ofKey.keys()].join(', ')}`, calls, rows);
    } else if (!row) evidence.report('lost_acknowledgement', `The key ${key} is forgotten`, calls, rows);
    else if (!ofKey.has(row.useId)) {
      evidence.report('key_with_two_uses', `The key ${key} remembers another use than was answered`, calls, [
        row,
        ...rows,
      ]);
    }
  }
}
