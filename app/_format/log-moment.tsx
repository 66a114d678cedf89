import { isMoment, sayLogMoment, type Clock } from './say-moment';

/** A moment of a log, exact to the second, in one unbroken piece, and for machines. */
export function LogMoment({ at, clock }: { at: Date; clock: Required<Clock> }) {
  const words = sayLogMoment(at, clock).replaceAll(' ', '\u00a0');
  return isMoment(at) ? <time dateTime={at.toISOString()}>{words}</time> : words;
}
