import { LocalTime } from '@/components/ui/time/LocalTime';
import { isMoment, sayMoment, type Clock } from './say-moment';

/**
 * A moment in words, and for machines: on the clock of the reader's browser, and without JavaScript in the zone of `clock`, which is
 * named. On what is printed and kept (a clock without `now`) always in that zone. One that is no moment has words alone.
 */
export function Moment({ at, clock }: { at: Date; clock: Clock }) {
  const words = sayMoment(at, clock);
  if (!isMoment(at)) return words;
  const iso = at.toISOString();
  return clock.now === undefined ? (
    <time dateTime={iso}>{words}</time>
  ) : (
    <LocalTime at={iso} now={clock.now.toISOString()} words={words} />
  );
}
