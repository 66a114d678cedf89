import { db } from '@/db/client';
import { clientAddress } from '@/lib/client-address';
import { env } from '@/lib/env';
import { fewAtOnce } from '@/lib/few-at-once';
import { openLog } from '@/lib/log';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { renderTwiml, type TwimlReply } from '@/lib/sms/webhooks/twiml';
import { readWebhookCall } from '@/lib/sms/webhooks/call';
import { refuseCall } from '../refuse-call';
import { readInboundText } from '../../../../../lib/sms/inbound/read-inbound-text';

export const dynamic = 'force-dynamic';

/** Calls that wait for one number's lock leave connections for the pages. */
const inTurn = fewAtOnce(3);

/**
 * A text from a person (twilio.com/docs/messaging/guides/webhook-request). Answers TwiML: a reply, or nothing where
 * Twilio replies by itself or nothing is to be said; 403 without a valid signature, 413 over 16 KB or 500 fields, 400 to a body that is cut.
 */
export async function POST(request: Request): Promise<Response> {
  const settings = env();
  const call = await readWebhookCall(request, settings);
  if (!call.ok) {
    const refused = refuseCall('inbound', call);
    return call.reason === 'wrong_account' ? answer(null) : refused;
  }
  const log = openLog();
  const text = readInboundText(call.fields);
  if (text === null) {
    log.warn('sms_inbound_ignored', { reason: 'unreadable' });
    return answer(null);
  }
  const { headers } = request;
  const received = await inTurn(() =>
    receiveText(db(), text, {
      now: new Date(),
      address: clientAddress(headers.get('x-forwarded-for') ?? '', settings.trustedProxyHops),
      userAgent: headers.get('user-agent')?.slice(0, 400) ?? null,
    }),
  );
  if (!received.ok) {
    log.warn('sms_inbound_ignored', { sid: text.sid, reason: received.reason });
    return answer(null);
  }
  const { meaning, isDuplicate, reply } = received;
  log.info('sms_received', { sid: text.sid, meaning, isDuplicate, replied: reply !== null });
  if (reply === null) return answer(null);
  const callback = new URL('/users/webhook/twilio', settings.appUrl);
  callback.searchParams.set('message', reply.id);
  const isReachable = settings.isPublic || settings.twilio?.apiBaseUrl != null;
  return answer({ body: reply.body, statusCallback: isReachable ? callback.href : null });
}

/** Refused with 405 and counted: a webhook that is set to GET at Twilio would be silent otherwise. */
export async function GET(request: Request): Promise<Response> {
  return POST(request);
}

function answer(reply: TwimlReply | null): Response {
  return new Response(renderTwiml(reply), { headers: { 'content-type': 'text/xml; charset=utf-8' } });
}
