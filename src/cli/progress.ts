import type { Progress } from '../options.js';
import type { Terminal } from './terminal.js';

/** How far a long step has come. */
export interface ProgressLine {
  onProgress(progress: Progress): void;
  /** Clears the line. */
  end(): void;
}

const PHASES: Record<Progress['phase'], string> = {
  check: 'checking',
  scrub: 'checking',
  repair: 'recounting',
  archive: 'archiving',
};

/** A bar on a terminal; `undefined` where nobody would see it. */
export async function progressLine({ stderr, signal }: Terminal): Promise<ProgressLine | undefined> {
  if (!stderr.isTTY) return undefined;
  const { default: cliProgress } = await import('cli-progress');
  const bar = new cliProgress.SingleBar({
    stream: stderr,
    format: '{phase} {bar} {value}/{total} {unit}, {duration_formatted}',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 30,
    clearOnComplete: true,
    hideCursor: null as unknown as boolean,
    gracefulExit: false,
  });
  let isShown = false;
  const end = (): void => {
    if (isShown) bar.stop();
    isShown = false;
  };
  signal.addEventListener('abort', end, { once: true });
  return {
    onProgress({ phase, done, total }) {
      if (signal.aborted) return;
      if (isShown) bar.setTotal(total);
      else bar.start(total, 0, { phase: PHASES[phase], unit: phase === 'archive' ? 'pages' : 'codes' });
      isShown = true;
      bar.update(done, { phase: PHASES[phase] });
    },
    end,
  };
}
