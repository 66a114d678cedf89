import { SegmentedMessage } from 'sms-segments-calculator';

/**
 * Counts the segments a text is billed as, with the provider's smart encoding on: 160 or 153 GSM-7 characters each, 70 or
 * 67 once any character is outside GSM-7 (twilio.com/docs/glossary/what-sms-character-limit). An empty body counts as one.
 */
export function countSegments(body: string): number {
  return Math.max(1, new SegmentedMessage(body, 'auto', true).segmentsCount);
}

/**
 * Replaces look-alikes from outside GSM-7 (curly quotes, dashes, odd spaces) by their GSM-7 counterparts, as Twilio's smart
 * encoding does (twilio.com/docs/messaging/services#smart-encoding), so that what is stored is what arrives. Letters that
 * have no counterpart stay, and the text then goes out as UCS-2.
 */
export function toGsm(body: string): string {
  return new SegmentedMessage(body.normalize('NFC'), 'auto', true).graphemes.join('');
}

/** Estimates the price of a text in millionths of a dollar, as an exact integer. */
export function estimatePriceMicros(body: string, pricePerSegmentMicros: number): number {
  if (!Number.isSafeInteger(pricePerSegmentMicros) || pricePerSegmentMicros < 0) {
    throw new RangeError('A price per segment is a whole number of micros');
  }
  return countSegments(body) * pricePerSegmentMicros;
}
