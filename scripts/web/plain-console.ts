import { formatWithOptions, stripVTControlCharacters, types } from 'node:util';
import { openLog, type Log, type LogFields } from '@/lib/log';
import { toSourceFrame } from './source-frame';

const mostFrames = 6;

/**
 * Gives what Next and packages print as errors and warnings the form of our own log, one line each: `web_error` and
 * `web_warning`, or `worker_error` and `worker_warning`. An error keeps its name, message and code, the digest that its error page shows, and where it came from; a
 * database's values are in none of them (db/quiet-errors.ts). Standard output is left alone.
 *
 * @param isPassedOver whether an error with these frames is counted elsewhere, and no line of its own
 */
export function writePlainly(
  console: Pick<Console, 'error' | 'warn'>,
  log: Log = openLog(),
  where: 'web' | 'worker' = 'web',
  isPassedOver: (frames: readonly string[]) => boolean = () => false,
): void {
  console.error = (...said: unknown[]) => {
    const error = said.find((part) => types.isNativeError(part));
    if (error && isPassedOver(readFrames(error))) return;
    log.error(`${where}_error`, describe(said));
  };
  console.warn = (...said: unknown[]) => log.warn(`${where}_warning`, describe(said));
}

function describe(said: readonly unknown[]): LogFields {
  const error = said.find((part): part is Error & { digest?: unknown } => types.isNativeError(part));
  if (!error) {
    return { said: stripVTControlCharacters(formatWithOptions({ colors: false }, ...said)).trim() };
  }
  const digest = typeof error.digest === 'string' ? error.digest : undefined;
  const frames = readFrames(error).slice(0, mostFrames);
  return { error, digest, at: frames.length > 0 ? frames.join(' < ') : undefined };
}

function readFrames({ stack = '' }: Error): string[] {
  return stack
    .split('\n')
    .map((line) => /^\s+at (.*)$/.exec(line)?.[1])
    .filter((frame) => frame !== undefined)
    .map((frame) => toSourceFrame(frame).replaceAll(`${process.cwd()}/`, ''));
}
