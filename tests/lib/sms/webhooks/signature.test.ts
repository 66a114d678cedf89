import fc from 'fast-check';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks';
import { describe, expect, it } from 'vitest';
import { signCall, verifySignature } from '@/lib/sms/webhooks/signature';

const token = '12345678901234567890123456789012';
const url = 'https://portal.example.com/users/webhook/twilio?message=7c1e';
const params = { MessageSid: 'SM1', MessageStatus: 'delivered', To: '+15005550006', Body: "it's ½ done" };
const signature = getExpectedTwilioSignature(token, url, params);

const field = fc.string({ unit: 'binary', maxLength: 12 });

describe('the signature of a webhook call', () => {
  it('is accepted as Twilio makes it, whatever the fields hold', () => {
    fc.assert(
      fc.property(fc.dictionary(field, field), (fields) => {
        const made = getExpectedTwilioSignature(token, url, fields);
        expect(verifySignature({ tokens: [token], signature: made, url, params: fields })).toBe(true);
        expect(signCall(token, url, fields)).toBe(made);
      }),
    );
  });

  it('is accepted with any of several tokens', () => {
    expect(verifySignature({ tokens: ['another', token], signature, url, params })).toBe(true);
  });

  it('is refused with any bit of it flipped', () => {
    const bytes = Buffer.from(signature, 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const forged = flipped.toString('base64');
      expect(verifySignature({ tokens: [token], signature: forged, url, params })).toBe(false);
    }
  });

  it('is refused with any bit of a field, of the address or of the token changed', () => {
    const flip = (text: string, bit: number) =>
      text.slice(0, bit >> 3) +
      String.fromCharCode(text.charCodeAt(bit >> 3) ^ (1 << (bit & 7))) +
      text.slice((bit >> 3) + 1);
    for (const [name, value] of Object.entries(params)) {
      for (let bit = 0; bit < value.length * 8; bit += 1) {
        const forged = { ...params, [name]: flip(value, bit) };
        expect(verifySignature({ tokens: [token], signature, url, params: forged })).toBe(false);
      }
    }
    for (let bit = 0; bit < token.length * 8; bit += 1) {
      expect(verifySignature({ tokens: [flip(token, bit)], signature, url, params })).toBe(false);
    }
    for (const other of [
      'https://portal.example.com/users/webhook/twilio/inbound?message=7c1e',
      'https://portal.example.com/users/webhook/twilio/?message=7c1e',
      'https://portal.example.com/users/webhook/twilio?message=7c1f',
      'https://portal.example.com/users/webhook/twilio',
      'http://portal.example.com/users/webhook/twilio?message=7c1e',
      'https://other.example.com/users/webhook/twilio?message=7c1e',
    ]) {
      expect(verifySignature({ tokens: [token], signature, url: other, params })).toBe(false);
    }
  });

  it('is refused when a field is missing or one is added', () => {
    const { MessageSid, MessageStatus, To } = params;
    const fewer = { MessageSid, MessageStatus, To };
    expect(verifySignature({ tokens: [token], signature, url, params: fewer })).toBe(false);
    expect(verifySignature({ tokens: [token], signature, url, params: { ...params, A: '' } })).toBe(false);
  });

  it('is refused when it is missing or empty', () => {
    expect(verifySignature({ tokens: [token], signature: null, url, params })).toBe(false);
    expect(verifySignature({ tokens: [token], signature: '', url, params })).toBe(false);
  });

  it('never verifies with an empty token, nor with none', () => {
    for (const empty of ['', ' ', '\n']) {
      const made = getExpectedTwilioSignature(empty, url, params);
      expect(verifySignature({ tokens: [empty], signature: made, url, params })).toBe(false);
      expect(() => signCall(empty, url, params)).toThrow(RangeError);
    }
    expect(verifySignature({ tokens: [], signature, url, params })).toBe(false);
  });
});
