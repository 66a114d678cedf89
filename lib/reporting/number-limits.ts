import type { SendClass } from '@/db/schema/sms';
import { readFailures, readSends, type NumberRow } from '@/lib/sms/numbers/number';

/** What is left of a number's limits in one class of codes, and when the next is allowed (null: now). */
export type NumberLimit = {
  sendClass: SendClass;
  sends: ReturnType<typeof readSends>;
  failures: ReturnType<typeof readFailures>;
};

const classes: readonly SendClass[] = ['prove', 'prove_again', 'sign_in', 'recover'];

/** What is left of a number's limits, class by class; `number` null: it was never heard of. */
export function listNumberLimits(number: NumberRow | null, now: Date): NumberLimit[] {
  return classes.map((sendClass) => ({
    sendClass,
    sends: readSends(number, sendClass, now),
    failures: readFailures(number, sendClass, now),
  }));
}
