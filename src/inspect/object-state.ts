/** What was found of one object, and the statement that puts it right. */
export interface ObjectState {
  /** What it is; schema and tables are the library's own. */
  kind: 'schema' | 'table' | 'function' | 'trigger' | 'index';
  /** Its name, without schema and quotes. */
  name: string;
  /** For a trigger: the table that it is on, as `schema.table`. */
  table?: string;
  /**
   * `missing`; `outdated`: there, but not as this version and these options have it; `disabled`: there, but it does not
   * fire; `newer`: from a newer version of the library; `foreign`: somebody else's, either an unknown trigger that writes
   * the counters, or something that stands where an object of ours would and is left alone (then `reason` says what it is).
   */
  state: 'ok' | 'missing' | 'outdated' | 'disabled' | 'newer' | 'foreign';
  /** SQL that puts it right; `null` where nothing has to be or can be done by SQL. */
  fix: string | null;
  /** Only where somebody else has something in its place: what it is. The installation then refuses. */
  reason?: string;
}

/** The same with the statements of `fix` one by one: some drivers take no more than one at a time. */
export interface ComparedObject extends ObjectState {
  statements: string[];
}

type Identity = Pick<ObjectState, 'kind' | 'name' | 'table'>;

/** A state, with the statements that end it. */
export function compared(object: Identity, state: ObjectState['state'], statements: string[] = []): ComparedObject {
  return { ...object, state, fix: statements.length > 0 ? statements.join('\n') : null, statements };
}

/** Something of somebody else's in the place of an object of ours. `fix` gets it out of the way, for its owner to run. */
export function taken(object: Identity, reason: string, fix: string | null): ComparedObject {
  return { ...object, state: 'foreign', fix, statements: [], reason };
}
