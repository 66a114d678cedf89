import { sayMoment, type Clock } from './say-moment';

/** A moment in words, and for machines. */
export function Moment({ at, clock }: { at: Date; clock: Clock }) {
  return <time dateTime={at.toISOString()}>{sayMoment(at, clock)}</time>;
}
