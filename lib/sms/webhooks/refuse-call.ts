import { db } from '@/db/client';
import { openLog } from '@/lib/log';
import type { RefusedCall } from './call';
import { makeRefusalCounter, type WebhookRefusal } from './refused-calls';

const counter = makeRefusalCounter({ db, log: openLog });

/** Counts and logs a refused call without waiting for it. Out: the answer, without a body. */
export function refuseCall(
  webhook: WebhookRefusal['webhook'],
  { status, reason, namesUs }: RefusedCall,
  now: Date,
): Response {
  counter.note({ webhook, reason, namesUs }, now);
  return new Response(null, { status, headers: status === 405 ? { allow: 'POST' } : {} });
}
