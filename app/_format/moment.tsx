import { isMoment, sayMoment, type Clock } from './say-moment';

/** A moment in words, and for machines; one that is none has words alone. */
export function Moment({ at, clock }: { at: Date; clock: Clock }) {
  const words = sayMoment(at, clock);
  return isMoment(at) ? <time dateTime={at.toISOString()}>{words}</time> : words;
}
