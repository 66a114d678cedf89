import { SegmentedMessage } from 'sms-segments-calculator';

/**
 * The characters of ASCII that are one septet each in GSM-7 (3GPP TS 23.038): a text of nothing else needs no repair, and
 * its segments follow from its length. The library looks at each grapheme many times over, and nearly every text is plain.
 */
const plain = /^[\n -Z_a-z]*$/;

/**
 * Counts the segments a text is billed as, with the provider's smart encoding on: 160 or 153 GSM-7 characters each, 70 or
 * 67 once any character is outside GSM-7 (twilio.com/docs/glossary/what-sms-character-limit). An empty body counts as one.
 */
export function countSegments(body: string): number {
  if (plain.test(body)) return body.length <= 160 ? 1 : Math.ceil(body.length / 153);
  return Math.max(1, new SegmentedMessage(body, 'auto', true).segmentsCount);
}

/**
 * Replaces look-alikes from outside GSM-7 (curly quotes, dashes, odd spaces) by their GSM-7 counterparts, as Twilio's smart
 * encoding does (twilio.com/docs/messaging/services#smart-encoding), so that what is stored is what arrives. Letters that
 * have no counterpart stay, and the text then goes out as UCS-2.
 */
export function toGsm(body: string): string {
  if (plain.test(body)) return body;
  return new SegmentedMessage(body.normalize('NFC'), 'auto', true).graphemes.join('');
}
