import fc from 'fast-check';
import { getExampleNumber, parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js/max';
import examples from 'libphonenumber-js/examples.mobile.json' with { type: 'json' };
import { describe, expect, it } from 'vitest';
import { formatPhone, maskPhone, parsePhone, type PhonePolicy } from '@/lib/phone/parse';

const fictional: PhonePolicy = { countries: ['US', 'CA'], fictional: true };
const strict: PhonePolicy = { countries: ['US', 'CA'], fictional: false };

describe('reading a phone number', () => {
  it.each([
    '(555) 123-4567',
    '555.123.4567',
    '+1 555 123 4567',
    '1-555-123-4567',
    '5551234567',
    '15551234567',
    '+15551234567',
    '(+1) 555 123 4567',
    '+1 (555) 123-4567',
    '+ 1 555 123 4567',
    '001 555 123 4567',
    '011 1 555 123 4567',
    '555/123/4567',
    '555 123\u20114567',
    '555\u2013123\u20144567',
    '555\u2212123\u22124567',
    '555\u00a0123\u202f4567',
    '\u200e+1 555 123 4567\u200e',
    '\u202a(555) 123-4567\u202c',
    '５５５１２３４５６７',
    '＋１（５５５）１２３－４５６７',
    '٥٥٥١٢٣٤٥٦٧',
    '۵۵۵۱۲۳۴۵۶۷',
    '५५५१२३४५६७',
    'tel:+1-555-123-4567',
    '  5551234567\n',
  ])('takes %j for +15551234567', (raw) => {
    expect(parsePhone(raw, fictional)).toEqual({ ok: true, value: { e164: '+15551234567', country: 'US' } });
  });

  it.each([
    ['', 'empty'],
    [' \n', 'empty'],
    ['abc', 'not_a_number'],
    ['+', 'not_a_number'],
    ['1-800-FLOWERS', 'not_a_number'],
    ['5551234567x12', 'not_a_number'],
    ['555-123-4567 ext. 12', 'not_a_number'],
    ['555-123-4567;ext=12', 'not_a_number'],
    ['555-123-4567, 555-123-4568', 'not_a_number'],
    ['555-123-4567 or 555-123-4568', 'not_a_number'],
    ['555-123-4567 / 555-123-4568', 'too_long'],
    ['555-123-4567\n555-123-4568', 'too_long'],
    ['+15551234567 +15551234568', 'not_a_number'],
    ['1+5551234567', 'not_a_number'],
    ['++15551234567', 'not_a_number'],
    ['test@example.com', 'not_a_number'],
    ['5'.repeat(61), 'not_a_number'],
    ['411', 'too_short'],
    ['555-1234', 'too_short'],
    ['1 555 123 456', 'too_short'],
    ['+1 555 123 456', 'too_short'],
    ['555 123 45678', 'too_long'],
    ['1 1 555 123 4567', 'too_long'],
    ['447911123456', 'too_long'],
    ['055 512 3456', 'not_possible'],
    ['+1 155 512 3456', 'not_possible'],
    ['+999 123456', 'not_possible'],
    ['+44 7911 123456', 'country_not_served'],
    ['011 44 7911 123456', 'country_not_served'],
    ['+1 242 322 1234', 'country_not_served'],
    ['+800 1234 5678', 'country_not_served'],
    ['800 555 1234', 'toll_free'],
    ['+1 888 555 1234', 'toll_free'],
    ['900 555 1234', 'premium'],
    ['500 555 1234', 'not_mobile'],
    ['+1 533 555 1234', 'not_mobile'],
    ['588 234 5678', 'not_mobile'],
    ['+1 600 555 1234', 'not_mobile'],
    ['622 555 1234', 'not_mobile'],
  ])('refuses %j as %s, whether or not fictional numbers are taken', (raw, reason) => {
    expect(parsePhone(raw, fictional)).toEqual({ ok: false, reason });
    expect(parsePhone(raw, strict)).toEqual({ ok: false, reason });
  });

  it('refuses numbers that are merely possible where texts really go out', () => {
    expect(parsePhone('(555) 123-4567', strict)).toEqual({ ok: false, reason: 'not_valid' });
    expect(parsePhone('415 555 2671', strict)).toEqual({
      ok: true,
      value: { e164: '+14155552671', country: 'US' },
    });
    expect(parsePhone('416 555 0123', strict)).toEqual({
      ok: true,
      value: { e164: '+14165550123', country: 'CA' },
    });
  });

  it("takes the provider's ten magic test numbers, and none beside them", () => {
    for (const number of ['+15005550000', '+15005550006', '+15005550009']) {
      expect(parsePhone(number, strict)).toMatchObject({ ok: true, value: { e164: number } });
    }
    for (const number of ['+15005550010', '+15005549999', '+15005551234']) {
      expect(parsePhone(number, strict)).toEqual({ ok: false, reason: 'not_mobile' });
    }
  });

  it.each([
    ['+44 7400 123456', 'GB', null],
    ['+44 70 1123 4567', 'GB', 'not_mobile'],
    ['+44 76 4123 4567', 'GB', 'not_mobile'],
    ['+44 20 7946 0958', 'GB', 'landline'],
    ['+44 300 123 4567', 'GB', 'not_mobile'],
    ['+44 844 123 4567', 'GB', 'premium'],
    ['+44 909 879 0123', 'GB', 'premium'],
    ['+44 56 1234 5678', 'GB', 'not_mobile'],
    ['+49 700 12345678', 'DE', 'not_mobile'],
    ['+49 180 1234567', 'DE', 'premium'],
    ['+33 8 91 12 34 56', 'FR', 'premium'],
    ['+33 9 12 34 56 78', 'FR', 'not_mobile'],
    ['+52 55 1234 5678', 'MX', null],
  ] as const)(
    'takes mobile numbers alone where the plan tells them apart: %j in %s is %s',
    (raw, country, reason) => {
      const answer = parsePhone(raw, { countries: [country], fictional: false });
      expect(answer.ok ? null : answer.reason).toBe(reason);
    },
  );

  it('takes numbers of other countries that are served, with or without the trunk zero in brackets', () => {
    const served = { countries: ['DE', 'GB', 'IT'], fictional: false };
    expect(parsePhone('+49 1512 3456789', served)).toMatchObject({ ok: true, value: { country: 'DE' } });
    expect(parsePhone('+44 (0)7400 123456', served)).toEqual(parsePhone('0044 7400 123456', served));
    expect(parsePhone('+44 (0)7400 123456', served)).toMatchObject({
      value: { e164: '+447400123456', country: 'GB' },
    });
    expect(parsePhone('+39 312 345 6789', served)).toMatchObject({ ok: true, value: { country: 'IT' } });
    expect(parsePhone('+44 900 123 4567', { countries: ['GB'], fictional: false })).not.toMatchObject({
      ok: true,
    });
  });

  it('takes the example mobile number of every country that is served', () => {
    for (const example of Object.keys(examples) as CountryCode[]) {
      const number = getExampleNumber(example, examples)!;
      const country = parsePhoneNumberFromString(number.number)!.country!; // Åland's numbers are Finland's, and so on
      expect(parsePhone(number.formatInternational(), { countries: [country], fictional: false })).toEqual({
        ok: true,
        value: { e164: number.number, country },
      });
    }
  });

  const national = fc
    .tuple(
      fc.integer({ min: 200, max: 799 }),
      fc.integer({ min: 200, max: 999 }),
      fc.integer({ min: 0, max: 9999 }),
    )
    .map(
      ([area, exchange, line]) => [String(area), String(exchange), String(line).padStart(4, '0')] as const,
    );
  const separator = fc.constantFrom('', ' ', '-', '.', '\u00a0', '\u2011', '\u2013', ' - ', '\u3000', '/');
  const prefix = fc.constantFrom('', '1', '1-', '+1', '+1 ', '001 ', '011 1 ', '＋1');
  const zero = fc.constantFrom('0', '０', '٠', '۰', '०', '𝟎').map((digit) => digit.codePointAt(0)!);

  it('gives the same value for every spelling of a number', () => {
    const policy = { countries: ['US', 'CA', 'PR', 'JM', 'BS', 'DO'], fictional: true };
    fc.assert(
      fc.property(
        national,
        prefix,
        separator,
        separator,
        fc.boolean(),
        zero,
        (parts, lead, first, second, brackets, base) => {
          const [area, exchange, line] = parts;
          const spelled = `${lead}${brackets ? `(${area})` : area}${first}${exchange}${second}${line}`;
          const raw = spelled.replace(/[0-9]/g, (digit) => String.fromCodePoint(base + Number(digit)));
          expect(parsePhone(raw, policy)).toEqual(parsePhone(`+1${area}${exchange}${line}`, policy));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('reads its own answer, and every way of showing it, as the same number', () => {
    fc.assert(
      fc.property(national, (parts) => {
        const answer = parsePhone(parts.join(''), fictional);
        if (!answer.ok) return;
        expect(parsePhone(answer.value.e164, fictional)).toEqual(answer);
        expect(parsePhone(formatPhone(answer.value.e164), fictional)).toEqual(answer);
      }),
    );
  });

  it('never throws, and never answers anything but E.164', () => {
    const nearly = fc.string({ unit: fc.constantFrom(...'0123456789+-(). x/;ext٥５'), maxLength: 70 });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 100 }), nearly), (raw) => {
        const answer = parsePhone(raw, fictional);
        if (answer.ok) expect(answer.value.e164).toMatch(/^\+[1-9][0-9]{4,14}$/);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('showing a phone number', () => {
  it('masks all but the last four digits', () => {
    expect(maskPhone('+15551234567')).toBe('•••4567');
    expect(maskPhone('+447911123456')).toBe('•••3456');
  });

  it('writes it as people at home do', () => {
    expect(formatPhone('+15551234567')).toBe('(555) 123-4567');
    expect(formatPhone('+447911123456')).toBe('+44 7911 123456');
  });
});
