/** The answer to an inbound text, which the provider sends for us; `statusCallback` is where its fate is reported. */
export type TwimlReply = { body: string; statusCallback: string | null };

/** Writes a webhook's answer (twilio.com/docs/messaging/twiml): one message, or nothing to send. */
export function renderTwiml(reply: TwimlReply | null): string {
  const head = '<?xml version="1.0" encoding="UTF-8"?>';
  if (reply === null) return `${head}<Response/>`;
  const callback =
    reply.statusCallback === null ? '' : ` statusCallback="${escapeXml(reply.statusCallback)}"`;
  return `${head}<Response><Message${callback}>${escapeXml(reply.body)}</Message></Response>`;
}

function escapeXml(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&apos;');
}
