import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePhone } from '@/lib/phone/parse';
import { formatAsYouType, hasServedCode, looksLikePhone } from '@/lib/phone/format';

describe('formatting while someone types', () => {
  it('shows each digit in its place', () => {
    const seen: string[] = [];
    let field = '';
    for (const digit of '5551234567') seen.push((field = formatAsYouType(field + digit)));
    expect(seen.slice(-4)).toEqual(['(555) 123-4', '(555) 123-45', '(555) 123-456', '(555) 123-4567']);
  });

  it.each([
    ['15551234567', '1 (555) 123-4567'],
    ['+15551234567', '+1 555 123 4567'],
    ['+447911123456', '+44 7911 123456'],
    ['٥٥٥١٢٣٤٥٦٧', '(555) 123-4567'],
    ['555.123.4567', '(555) 123-4567'],
  ])('turns %j into %j', (raw, formatted) => {
    expect(formatAsYouType(raw)).toBe(formatted);
  });

  it.each(['', '+', 'abc', '1-800-FLOWERS', '0114479', '555x12', '5'.repeat(40)])(
    'leaves %j alone',
    (raw) => {
      expect(formatAsYouType(raw)).toBe(raw);
    },
  );

  it('lets the backspace key empty the field, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789+-() .'), maxLength: 25 }), (raw) => {
        let field = formatAsYouType(raw);
        for (let presses = 0; presses < 60 && field !== ''; presses += 1)
          field = formatAsYouType(field.slice(0, -1));
        expect(field).toBe('');
      }),
    );
  });

  it('never changes the digits, nor its own output', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789+-() .'), maxLength: 25 }), (raw) => {
        const formatted = formatAsYouType(raw);
        expect(formatted.replace(/[^0-9+]/g, '')).toBe(raw.replace(/[^0-9+]/g, ''));
        expect(formatAsYouType(formatted)).toBe(formatted);
      }),
    );
  });
});

describe('the friendly check in the browser', () => {
  it.each(['(555) 123-4567', '+44 7911 123456', '５５５ 123 4567'])('takes %j for a number', (raw) => {
    expect(looksLikePhone(raw)).toBe(true);
  });

  it.each(['', '555-1234', '1-800-FLOWERS', 'x', '+999 123456'])('does not take %j for one', (raw) => {
    expect(looksLikePhone(raw)).toBe(false);
  });

  it('never turns away what the server would accept', () => {
    const countries = ['US', 'CA', 'GB', 'DE', 'FR', 'IT'];
    const start = fc.constantFrom('', '+1', '+44', '+49', '+33', '+39', '0044');
    fc.assert(
      fc.property(
        start,
        fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 5, maxLength: 13 }),
        (lead, digits) => {
          const raw = lead + digits;
          if (parsePhone(raw, { countries, fictional: true }).ok) expect(looksLikePhone(raw)).toBe(true);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['(555) 123-4567', true],
    ['+44 7911 123456', true],
    ['0044 7911 123456', true],
    ['+49 1512 3456789', false],
    ['011 52 55 1234 5678', false],
    ['no number', true],
  ])('knows by the calling code that %j may be served: %s', (raw, may) => {
    expect(hasServedCode(raw, { callingCodes: ['1', '44'], refusal: '' })).toBe(may);
  });

  it('refuses a number for its calling code only where the server does for its country', () => {
    const served = { callingCodes: ['1', '44'], refusal: '' };
    let refused = 0;
    fc.assert(
      fc.property(
        fc.constantFrom('', '+', '00', '011'),
        fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 8, maxLength: 13 }),
        (lead, digits) => {
          const raw = lead + digits;
          if (!looksLikePhone(raw) || hasServedCode(raw, served)) return;
          const parsed = parsePhone(raw, { countries: ['US', 'GB'], fictional: true });
          if (!parsed.ok && /^(too_|not_possible)/.test(parsed.reason)) return;
          refused += 1;
          expect(parsed).toEqual({ ok: false, reason: 'country_not_served' });
        },
      ),
      { numRuns: 1_000 },
    );
    expect(refused).toBeGreaterThan(100);
  });
});
