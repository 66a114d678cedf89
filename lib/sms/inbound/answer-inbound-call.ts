import type { Db } from '@/db/client';
import { clientAddress } from '@/lib/client-address';
import { env } from '@/lib/env';
import { fewAtOnce } from '@/lib/few-at-once';
import { openLog } from '@/lib/log';
import { readWebhookCall } from '@/lib/sms/webhooks/call';
import { noteAcceptedCall } from '@/lib/sms/webhooks/note-accepted-call';
import { refuseCall } from '@/lib/sms/webhooks/refuse-call';
import { renderTwiml, type TwimlReply } from '@/lib/sms/webhooks/twiml';
import { readInboundText } from './read-inbound-text';
import { receiveText, type TakeAnswer } from './receive-text';

/** Calls that wait for one number's lock leave connections for the pages. */
const inTurn = fewAtOnce(3);

/**
 * Answers Twilio's call about a text from a person (twilio.com/docs/messaging/guides/webhook-request).
 *
 * Out: TwiML with a reply, or without one where Twilio replies itself or there is nothing to say. Calls that
 * `readWebhookCall` refuses get its status and are counted; only one about another account gets empty TwiML.
 */
export async function answerInboundCall(
  db: Db,
  request: Request,
  { now, takeAnswer }: { now: Date; takeAnswer: TakeAnswer },
): Promise<Response> {
  const settings = env();
  const call = await readWebhookCall(request, settings);
  if (!call.ok) {
    const refusal = refuseCall('inbound', call, now);
    return call.reason === 'wrong_account' ? twimlResponse(null) : refusal;
  }
  noteAcceptedCall('inbound', now);
  const log = openLog();
  const text = readInboundText(call.fields);
  if (text === null) {
    log.warn('sms_inbound_ignored', { reason: 'unreadable' });
    return twimlResponse(null);
  }
  const { headers } = request;
  const received = await inTurn(() =>
    receiveText(
      db,
      text,
      {
        now,
        address: clientAddress(headers.get('x-forwarded-for') ?? '', settings.trustedProxyHops),
        userAgent: headers.get('user-agent')?.slice(0, 400) ?? null,
      },
      { takeAnswer },
    ),
  );
  if (!received.ok) {
    log.warn('sms_inbound_ignored', { sid: text.sid, reason: received.reason });
    return twimlResponse(null);
  }
  const { meaning, isDuplicate, reply } = received;
  log.info('sms_received', { sid: text.sid, meaning, isDuplicate, replied: reply !== null });
  if (reply === null) return twimlResponse(null);
  const callback = new URL('/users/webhook/twilio', settings.appUrl);
  callback.searchParams.set('message', reply.id);
  const isReachable = settings.isPublic || settings.twilio?.apiBaseUrl != null;
  return twimlResponse({ body: reply.body, statusCallback: isReachable ? callback.href : null });
}

function twimlResponse(reply: TwimlReply | null): Response {
  return new Response(renderTwiml(reply), { headers: { 'content-type': 'text/xml; charset=utf-8' } });
}
