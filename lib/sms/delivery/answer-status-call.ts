import type { Db } from '@/db/client';
import { env } from '@/lib/env';
import { fewAtOnce } from '@/lib/few-at-once';
import { openLog } from '@/lib/log';
import { readWebhookCall } from '@/lib/sms/webhooks/call';
import { noteAcceptedCall } from '@/lib/sms/webhooks/note-accepted-call';
import { refuseCall } from '@/lib/sms/webhooks/refuse-call';
import { readStatusReport } from './read-status-report';
import { applyStatus } from './status-report';

/** Calls that wait for one number's lock leave connections for the pages. */
const inTurn = fewAtOnce(3);

/**
 * Answers Twilio's call that reports what became of a text
 * (twilio.com/docs/messaging/guides/track-outbound-message-status).
 *
 * Out: 204 for every signed call, also about events that are not about our texts. Calls that `readWebhookCall` refuses
 * get its status and are counted.
 */
export async function answerStatusCall(db: Db, request: Request, now: Date): Promise<Response> {
  const call = await readWebhookCall(request, env());
  if (!call.ok) return refuseCall('status', call, now);
  noteAcceptedCall('status', now);
  const log = openLog();
  const report = readStatusReport(call, now);
  if (report === null) log.info('sms_status_ignored', { reason: 'unreadable' });
  else {
    const result = await inTurn(() => applyStatus(db, report));
    const message = report.messageId ?? report.sid;
    if (!result.ok) log.info('sms_status_ignored', { message, reason: result.reason });
    else {
      const { status, errorCode } = report;
      log.info('sms_status', { message, status, errorCode: errorCode ?? undefined, askedBy: result.askedBy });
      if (result.alert !== null) log.error('sms_alert', { alert: result.alert, message, errorCode });
    }
  }
  return new Response(null, { status: 204 });
}
