import { LocalTime } from '@/components/ui/time/LocalTime';
import { Moment } from './moment';
import { isMoment, sayMoment, type Clock } from './say-moment';

/**
 * A moment on a page about its reader: on the clock of their browser, and without JavaScript in the zone that is saved for them.
 * On what is printed and kept (a clock without `now`) always in that zone.
 */
export function MyMoment({ at, clock }: { at: Date; clock: Clock }) {
  if (clock.now === undefined || !isMoment(at)) return <Moment at={at} clock={clock} />;
  return <LocalTime at={at.toISOString()} now={clock.now.toISOString()} words={sayMoment(at, clock)} />;
}
