import { linkUrl } from '@/lib/mail/links';
import { readCodeUse, readStoredText, renderStoredText, renderText } from '@/lib/sms/outbox/text-templates';
import type { PolicyFacts } from './send-policy-facts';
import { isOpen, codesOf } from '@/lib/sms/verification/challenge';
import type { Message } from '@/lib/sms/outbox/text-outbox';

/**
 * Writes a text's body as it is at `now`. A code is derived from its challenge, the token of a link from its row.
 *
 * @throws for a code whose challenge is over (`isCodeOpen`), since it is known to nobody any more, and for a row that cannot be read
 */
export function renderBody({ message, challenge }: PolicyFacts, now: Date): string {
  if (message.purpose !== 'verification') return render(message);
  if (challenge === null || !isOpen(challenge, now)) throw new TypeError('The code of this text is over');
  return renderCode(message, codesOf(challenge)[0]!, challenge.expiresAt, now);
}

/** Whether the code of a text can still be right. */
export function isCodeOpen({ challenge }: PolicyFacts, now: Date): boolean {
  return challenge !== null && isOpen(challenge, now);
}

/**
 * Whether a body found at the provider is this text's. A code whose challenge is over cannot be derived any more, so then
 * any six digits in its place will do. Providers may put words in front (Twilio's trial accounts do).
 *
 * @param renderedAt when the text was last written, which decides the minutes that it names
 */
export function bodyMatcher(
  { message, challenge }: PolicyFacts,
  { renderedAt, now }: { renderedAt: Date; now: Date },
): (body: string) => boolean {
  if (message.purpose !== 'verification') {
    // Under another AUTH_SECRET the same link has another token.
    const body = maskTokens(render(message).trimEnd());
    return (found) => maskTokens(found.trimEnd()).endsWith(body);
  }
  if (challenge !== null && isOpen(challenge, now)) {
    const body = renderCode(message, codesOf(challenge)[0]!, challenge.expiresAt, renderedAt);
    return (found) => found.trimEnd().endsWith(body.trimEnd());
  }
  const masked = maskCodes(renderCode(message, '000000', message.expiresAt ?? renderedAt, renderedAt));
  return (found) => maskCodes(found.trimEnd()).endsWith(masked);
}

function maskCodes(body: string): string {
  return body.replace(/\d{6}/g, '######');
}

function maskTokens(body: string): string {
  return body.replace(/\blink=[\w.-]+/g, 'link=...');
}

function render({ template, params }: Message): string {
  const stored = readStoredText(template, params);
  if (stored?.template === 'resetFactors') {
    const { site, linkId: id, linkNonce } = stored.params;
    const link = { id, purpose: 'enroll', nonce: Buffer.from(linkNonce, 'base64url') } as const;
    return renderText('resetFactors', { site, url: linkUrl(link) }).body;
  }
  const text = renderStoredText(template, params);
  if (text === null) throw new TypeError('This text cannot be written out of its row');
  return text.body;
}

function renderCode(message: Message, code: string, expiresAt: Date, now: Date): string {
  const minutes = Math.max(1, Math.round((expiresAt.getTime() - now.getTime()) / 60_000));
  const { host = '', site } = message.params;
  const use = readCodeUse(message.params);
  return renderText('verification', { site, code, ttlMinutes: minutes, host, use }).body;
}
