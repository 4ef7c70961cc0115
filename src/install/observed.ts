import { installChannel } from '../diagnostics/channels.js';
import type { InstallEvent } from '../diagnostics/events.js';
import type { Trace } from '../diagnostics/operation.js';
import type { Layout } from '../host/layout.js';
import type { InstallReport } from './install-triggers.js';
import type { UninstallReport } from './uninstall-triggers.js';

export type InstallTrace = Trace<InstallEvent>;

/** Runs an installation and reports it to the subscribers of `pg-promo-codes:install`, where there are any. */
export function observeInstallation<Report extends InstallReport | UninstallReport>(
  method: InstallEvent['method'],
  work: (trace?: InstallTrace) => Promise<Report>,
  shard?: string,
): Promise<Report> {
  return installChannel.run(() => ({ ...newEvent(method), shard }), work, {
    answered: (report) => ('removed' in report ? ofRemoval(report) : ofReport(report)),
    failed: () => ({}),
  });
}

/** What is known when the arguments have been checked and the tables were found. */
export function noteTables(
  trace: InstallTrace,
  { schema }: Layout,
  { dryRun = false }: { dryRun?: boolean } = {},
): void {
  trace.note(() => ({ schema, dryRun }));
}

function newEvent(method: InstallEvent['method']): InstallEvent {
  return {
    method,
    schema: undefined,
    dryRun: false,
    changed: false,
    created: [],
    replaced: [],
    removed: [],
    foreign: [],
    repaired: 0,
    warnings: 0,
    durationMs: 0,
  };
}

/** Lists of their own: what a subscriber does to them does not reach the report. */
function ofReport({ changed, created, replaced, foreign, repaired, warnings }: InstallReport): Partial<InstallEvent> {
  return {
    changed,
    created: [...created],
    replaced: [...replaced],
    foreign: [...foreign],
    repaired: repaired.length,
    warnings: warnings.length,
  };
}

function ofRemoval({ removed }: UninstallReport): Partial<InstallEvent> {
  return { changed: removed.length > 0, removed: [...removed] };
}
