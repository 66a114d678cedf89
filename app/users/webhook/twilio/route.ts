import { db } from '@/db/client';
import { env } from '@/lib/env';
import { fewAtOnce } from '@/lib/few-at-once';
import { openLog } from '@/lib/log';
import { applyStatus } from '@/lib/sms/delivery/status-report';
import { readWebhookCall } from '@/lib/sms/webhooks/call';
import { refuseCall } from './refuse-call';
import { readStatusReport } from '../../../../lib/sms/delivery/read-status-report';

export const dynamic = 'force-dynamic';

/** Calls that wait for one number's lock leave connections for the pages. */
const inTurn = fewAtOnce(3);

/**
 * What became of a text (twilio.com/docs/messaging/guides/track-outbound-message-status). 204 for every signed call, also
 * for events that are not about our texts; 403 without a valid signature, 413 over 16 KB or 500 fields, 400 to a body that is cut. What is
 * refused leaves a trace.
 */
export async function POST(request: Request): Promise<Response> {
  const call = await readWebhookCall(request, env());
  if (!call.ok) return refuseCall('status', call);
  const log = openLog();
  const report = readStatusReport(call, new Date());
  if (report === null) log.info('sms_status_ignored', { reason: 'unreadable' });
  else {
    const answer = await inTurn(() => applyStatus(db(), report));
    const message = report.messageId ?? report.sid;
    if (!answer.ok) log.info('sms_status_ignored', { message, reason: answer.reason });
    else if (answer.alert !== null) {
      log.error('sms_alert', { alert: answer.alert, message, errorCode: report.errorCode });
    }
  }
  return new Response(null, { status: 204 });
}

/** Refused with 405 and counted: a webhook that is set to GET at Twilio would be silent otherwise. */
export async function GET(request: Request): Promise<Response> {
  return POST(request);
}
