import { db } from '@/db/client';
import type { Webhook } from '@/db/schema/sms';
import { openLog } from '@/lib/log';
import { makeAcceptedCounter } from './accepted-calls';

const counter = makeAcceptedCounter({ db, log: openLog });

/** Counts a call that was signed by the provider, without waiting for it. */
export function noteAcceptedCall(webhook: Webhook, now: Date): void {
  counter.note(webhook, now);
}
