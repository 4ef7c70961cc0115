import fs from 'node:fs';
import path from 'node:path';

/** What a client process does. */
export type CallKind =
  | 'redeem'
  | 'redeemMany'
  | 'reserve'
  | 'confirm'
  | 'rollbackUse'
  | 'amendUse'
  | 'releaseExpired'
  | 'create'
  | 'ensure'
  | 'update'
  | 'activate'
  | 'deactivate'
  | 'delete'
  | 'validate'
  | 'findById'
  | 'list'
  | 'usesByCode'
  | 'usesByCustomer'
  | 'usageStats'
  | 'checkDrift'
  | 'repairDrift'
  | 'installTriggers';

/** One request for a use. Its `origin` is the transaction id that its use gets, so that every row tells who asked for it. */
export interface Request {
  origin: string;
  code: string;
  shop: string;
  customer: string;
  base: string;
  key?: string;
  ttlSeconds?: number;
}

/**
 * What a call is about. What changes a use or a code leaves the id of the call there (`mark`): in the transaction id of the
 * use, after the origin and a slash, or in the name of the code.
 */
export interface CallArgs {
  requests?: Request[];
  useId?: string;
  origin?: string;
  codeId?: string;
  mark?: string;
  base?: string;
  bonus?: string;
  code?: string;
  shop?: string;
  customer?: string;
  granularity?: 'statement' | 'row';
}

/** A use as it was answered. */
export interface AnsweredUse {
  id: string;
  codeId: string;
  customer: string;
  transaction: string | null;
  base: string;
  bonus: string;
  total: string;
}

/** What was answered to one request. */
export interface Answer {
  ok: boolean;
  reason?: string;
  use?: AnsweredUse;
  replayed?: boolean;
  /** Milliseconds since 1970. */
  expiresAt?: number;
}

/** What was answered to a call; each kind has some of these. */
export interface CallResult {
  answers?: Answer[];
  use?: AnsweredUse;
  rolledBack?: boolean;
  codeId?: string;
  /** Rows of a page, drifted codes, released holds. */
  count?: number;
}

export interface LoggedError {
  class: string;
  code: string;
  sqlState?: string;
  message: string;
}

/** The life of a call, as the two lines of the log tell it. */
export interface Call {
  id: string;
  /** The process, with the number of its start: `2.1`. */
  process: string;
  kind: CallKind;
  args: CallArgs;
  /** The transaction of the host that it was a part of. */
  tx?: string;
  /** In which time it has to be settled, slack not included. */
  limitMs: number;
  begin: number;
  end?: number;
  /** How much of the time the process itself did not get to run. */
  stoodMs?: number;
  result?: CallResult;
  error?: LoggedError;
}

/** What became of a transaction of the host: `unknown` when the connection broke under COMMIT. */
export type Fate = 'committed' | 'rolled_back' | 'unknown';

type Line =
  | { t: 'begin'; id: string; at: number; kind: CallKind; args: CallArgs; limitMs: number; tx?: string }
  | { t: 'end'; id: string; at: number; stoodMs: number; result?: CallResult; error?: LoggedError }
  | { t: 'fate'; tx: string; at: number; fate: Fate }
  | { t: 'stop'; at: number };

/** Takes what a process has to say about its calls. */
export interface Log {
  write(line: Line): void;
}

/** A log in a file: a line is with the system before the call goes on, so a SIGKILL takes nothing of it. */
export function openLog(file: string): Log {
  const descriptor = fs.openSync(file, 'a');
  return { write: (line) => void fs.writeSync(descriptor, `${JSON.stringify(line)}\n`) };
}

/** All that the processes have written down. */
export class History {
  readonly calls = new Map<string, Call>();
  readonly fates = new Map<string, { fate: Fate; at: number }>();
  /** The processes that came to their planned end. */
  readonly stopped = new Set<string>();

  add(process: string, line: Line): void {
    switch (line.t) {
      case 'begin': {
        const { id, kind, args, limitMs, tx, at } = line;
        this.calls.set(id, { id, process, kind, args, limitMs, begin: at, ...(tx !== undefined && { tx }) });
        break;
      }
      case 'end': {
        const call = this.calls.get(line.id);
        if (!call) throw new Error(`The log of process ${process} ends the call ${line.id}, which never began`);
        call.end = line.at;
        call.stoodMs = line.stoodMs;
        if (line.result) call.result = line.result;
        if (line.error) call.error = line.error;
        break;
      }
      case 'fate':
        this.fates.set(line.tx, { fate: line.fate, at: line.at });
        break;
      case 'stop':
        this.stopped.add(process);
        break;
    }
  }
}

/** Reads the files of a folder, each named after its process. What a SIGKILL left of a last line is no line. */
export function readHistory(folder: string): History {
  const history = new History();
  const files = fs.readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
  for (const name of files.sort()) {
    const lines = fs.readFileSync(path.join(folder, name), 'utf8').split('\n');
    lines.pop();
    for (const line of lines) history.add(path.basename(name, '.jsonl'), JSON.parse(line) as Line);
  }
  return history;
}
