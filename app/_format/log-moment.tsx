import { LocalTime } from '@/components/ui/time/LocalTime';
import { isMoment, sayLogMoment, type Clock } from './say-moment';

/** A moment of a log, exact to the second, in one unbroken piece, and for machines; by the clocks of a `Moment`. */
export function LogMoment({ at, clock }: { at: Date; clock: Required<Clock> }) {
  const words = sayLogMoment(at, clock).replaceAll(' ', '\u00a0');
  if (!isMoment(at)) return words;
  return <LocalTime at={at.toISOString()} now={clock.now.toISOString()} words={words} isLog />;
}
