import { db } from '@/db/client';
import { openLog } from '@/lib/log';
import { makeRefusalCounter, type WebhookRefusal } from '@/lib/sms/webhooks/refused-calls';
import type { RefusedCall } from '@/lib/sms/webhooks/call';

const counter = makeRefusalCounter({ db, log: openLog });

/** Leaves a trace of a refused call, which nobody waits for, and answers it. */
export function refuseCall(
  webhook: WebhookRefusal['webhook'],
  { status, reason, namesUs }: RefusedCall,
): Response {
  counter.note({ webhook, reason, namesUs }, new Date());
  return new Response(null, { status, headers: status === 405 ? { allow: 'POST' } : {} });
}
