import fc from 'fast-check';
import { SegmentedMessage } from 'sms-segments-calculator';
import { describe, expect, it } from 'vitest';
import { isStandardKeyword, readInbound } from '@/lib/consent/keywords';
import { parseEnv } from '@/lib/env';
import { countSegments } from '@/lib/sms/outbox/segments';
import { renderStoredText, renderText, type TemplateName } from '@/lib/sms/outbox/text-templates';

const code = fc.integer({ min: 0, max: 999_999 }).map((number) => String(number).padStart(6, '0'));
const host = fc.string({
  unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789-.'),
  minLength: 1,
  maxLength: 60,
});

describe('the text with a code', () => {
  it('reads as people know it', () => {
    expect(
      renderText('verification', { code: '012345', ttlMinutes: 10, host: 'portal.example.com' }).body,
    ).toBe(
      "012345 is your Doorstep code. It expires in 10 minutes. Don't share it.\n\n@portal.example.com #012345",
    );
  });

  it('has the code as the only run of six digits in its first line and the origin-bound form as its last', () => {
    fc.assert(
      fc.property(code, host, fc.integer({ min: 1, max: 10 }), (code, host, ttlMinutes) => {
        const lines = renderText('verification', { code, ttlMinutes, host }).body.split('\n');
        expect(lines[0]!.match(/[0-9]{6,}/g)).toEqual([code]);
        expect(lines.at(-1)).toBe(`@${host} #${code}`);
      }),
    );
  });

  it('fits one GSM-7 segment with any host of up to 60 characters', () => {
    fc.assert(
      fc.property(code, host, fc.integer({ min: 1, max: 600 }), (code, host, ttlMinutes) => {
        const { body } = renderText('verification', { code, ttlMinutes, host });
        const segmented = new SegmentedMessage(body);
        expect([segmented.encodingName, segmented.segmentsCount]).toEqual(['GSM-7', 1]);
      }),
    );
    const longest = renderText('verification', { code: '123456', ttlMinutes: 10, host: 'a'.repeat(60) });
    expect(countSegments(longest.body)).toBe(1);
  });

  it('names the host without its port', () => {
    const { body } = renderText('verification', { code: '123456', ttlMinutes: 1, host: 'localhost:3000' });
    expect(body).toContain('expires in 1 minute.');
    expect(body.endsWith('\n@localhost #123456')).toBe(true);
  });
});

const url = 'https://portal.example.com/users/sms-preferences';

/** What SITE_NAME may hold. */
const gsmCharacters = [
  ...'@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!#¤%&()*+,-./:;<=>?¡ABXYZÄÖÑÜ§¿abxyzäöñüà',
  ...[' ', "'", '0', '9'],
];
const siteName = fc
  .string({ unit: fc.constantFrom(...gsmCharacters), minLength: 1, maxLength: 20 })
  .map((name) => name.trim())
  .filter((SITE_NAME) => SITE_NAME !== '' && parseEnv({ ...local, SITE_NAME }).ok);
const local = { DATABASE_URL: 'postgres://localhost/x', AUTH_SECRET: 'x' };

/** The shortest names of hosts that there are have four characters, such as t.co. */
const publicHost = host.filter((name) => name.length >= 4);

describe('whatever the site is called', () => {
  const writeAll = (host: string, site: string): [string, string][] => {
    const urls = (path: string) => ({ url: `https://${host}${path}` });
    const start = urls('/users/sms-preferences');
    const params = {
      optInConfirmation: {},
      phoneChanged: urls('/users/login'),
      securityNotice: { event: 'this number was taken off your account', ...urls('/users/login') },
      resetFactors: urls(`/users/enroll?link=${'_'.repeat(22)}.${'-'.repeat(43)}`),
      test: {},
      stopConfirmation: {},
      stopUpdatesConfirmation: {},
      help: urls('/terms'),
    };
    const texts = Object.entries(params).map<[string, string]>(([name, given]) => [
      name,
      renderText(name as TemplateName, { ...given, site } as never).body,
    ]);
    for (const lifts of [undefined, 'updates', 'codes'] as const) {
      const { body } = renderText('startConfirmation', { ...start, site, ...(lifts && { lifts }) });
      texts.push([`startConfirmation ${lifts}`, body]);
    }
    return texts;
  };

  it('each text speaks in that name, and none costs more segments than it does with the default name', () => {
    fc.assert(
      fc.property(publicHost, siteName, (host, site) => {
        const usual = new Map(writeAll(host, 'Doorstep'));
        for (const [template, body] of writeAll(host, site)) {
          expect(body.startsWith(`${site}:`) || body.startsWith(`${site} security:`), body).toBe(true);
          expect(new SegmentedMessage(body).encodingName, body).toBe('GSM-7');
          expect(countSegments(body), body).toBeLessThanOrEqual(countSegments(usual.get(template)!));
        }
      }),
    );
    for (const host of Array.from({ length: 57 }, (_, index) => 'a'.repeat(index + 4))) {
      const usual = new Map(writeAll(host, 'Doorstep'));
      for (const [template, body] of writeAll(host, 'W'.repeat(20))) {
        expect(countSegments(body), body).toBeLessThanOrEqual(countSegments(usual.get(template)!));
      }
    }
  });

  it('a code fits one segment, is the only run of six digits in the first line, and ends in the origin-bound line', () => {
    fc.assert(
      fc.property(code, host, fc.oneof(siteName, fc.constant('W'.repeat(20))), (code, host, site) => {
        const { body } = renderText('verification', { code, ttlMinutes: 10, host, site });
        expect(new SegmentedMessage(body).encodingName, body).toBe('GSM-7');
        expect(countSegments(body), body).toBe(1);
        const lines = body.split('\n');
        expect(lines[0]).toContain(` is your ${site} code.`);
        expect(lines[0]!.match(/[0-9]{6,}/g)).toEqual([code]);
        expect(lines.at(-1)).toBe(`@${host} #${code}`);
      }),
    );
  });

  it('a code that resets a password says so, in one segment, and is the only run of six digits in its line', () => {
    fc.assert(
      fc.property(code, host, fc.oneof(siteName, fc.constant('W'.repeat(20))), (code, host, site) => {
        const { body } = renderText('verification', { code, ttlMinutes: 10, host, site, use: 'recovery' });
        expect(countSegments(body), body).toBe(1);
        const lines = body.split('\n');
        expect(lines[0]).toContain(`${code} resets your ${site} password.`);
        expect(lines[0]!.match(/[0-9]{6,}/g)).toEqual([code]);
        expect(lines.at(-1)).toBe(`@${host} #${code}`);
      }),
    );
  });

  it.each(['applicationStatus', 'documentsNeeded', 'documentsReminder'] as const)(
    '%s costs one segment still, with the longest name and on a host as they are',
    (template) => {
      const url = 'https://applications.example.com/applications';
      const { body } = renderText(template, { url, site: 'W'.repeat(20) });
      expect(countSegments(body)).toBe(1);
      expect(new SegmentedMessage(body).encodingName).toBe('GSM-7');
    },
  );

  it('a text keeps the name that its row has, and one of before names were kept has the first', () => {
    expect(renderStoredText('test', { site: 'Elm Homes' })!.body).toMatch(/^Elm Homes: this is/);
    expect(renderStoredText('test', {})!.body).toMatch(/^Doorstep: this is/);
    expect(renderStoredText('phoneChanged', { url })!.body).toBe(
      `Doorstep: this number was taken off your account and another put in its place. If it was not you, go to ${url}`,
    );
  });
});

describe('the other texts', () => {
  const all = {
    optInConfirmation: renderText('optInConfirmation', {}).body,
    phoneChanged: renderText('phoneChanged', { url }).body,
    applicationStatus: renderText('applicationStatus', { url }).body,
    documentsNeeded: renderText('documentsNeeded', { url }).body,
    documentsReminder: renderText('documentsReminder', { url }).body,
    securityNotice: renderText('securityNotice', { event: 'your password was changed', url }).body,
    resetFactors: renderText('resetFactors', {
      url: `https://portal.example.com/users/enroll?link=${'a'.repeat(22)}.${'b'.repeat(43)}`,
    }).body,
    test: renderText('test', {}).body,
    stopConfirmation: renderText('stopConfirmation', {}).body,
    stopUpdatesConfirmation: renderText('stopUpdatesConfirmation', {}).body,
    startConfirmation: renderText('startConfirmation', { url }).body,
    startOfUpdates: renderText('startConfirmation', { url, lifts: 'updates' }).body,
    startOfCodes: renderText('startConfirmation', { url, lifts: 'codes' }).body,
    help: renderText('help', { url }).body,
  };

  it.each(Object.entries(all))(
    '%s names its sender first and costs at most two GSM-7 segments',
    (_, body) => {
      expect(body.startsWith('Doorstep')).toBe(true);
      expect(new SegmentedMessage(body).encodingName).toBe('GSM-7');
      expect(countSegments(body)).toBeLessThanOrEqual(2);
      expect(body).not.toMatch(/[0-9]{6}/);
    },
  );

  it('confirms a subscription with program, frequency, rates, HELP and STOP', () => {
    for (const said of [/Doorstep/, /frequency varies/, /data rates may apply/, /HELP/, /STOP/]) {
      expect(all.optInConfirmation).toMatch(said);
    }
    expect(countSegments(all.optInConfirmation)).toBe(1);
  });

  it('tells how to stop wherever more may come', () => {
    for (const body of [
      all.optInConfirmation,
      all.applicationStatus,
      all.documentsNeeded,
      all.documentsReminder,
      all.test,
      all.startConfirmation,
      all.help,
    ]) {
      expect(body).toContain('STOP');
    }
  });

  it('offers only words that do what it says', () => {
    for (const word of ['STOP', 'START', 'HELP']) expect(isStandardKeyword(word)).toBe(true);
    expect(readInbound('STOP')).toBe('stop');
  });

  it('keeps foreign text short, on one line and in GSM-7 where it can', () => {
    const { body } = renderText('securityNotice', {
      event: `“Elm’s\n@evil.example #123456\u202e ${'x'.repeat(500)}`,
      url,
    });
    expect(body).not.toContain('\n');
    expect(body).not.toContain('\u202e');
    expect(body.startsWith('Doorstep security: "Elm\'s @evil.example')).toBe(true);
    expect(countSegments(body)).toBeLessThanOrEqual(2);
  });
});

describe('the texts about applications', () => {
  const names = [
    'applicationStatus',
    'documentsNeeded',
    'documentsReminder',
    'answerTaken',
    'answerUnclear',
  ] as const;

  it.each(names)('%s has no word of an outcome, of money, of urgency or of promotion', (name) => {
    const { body } = renderText(name, { url, site: 'W'.repeat(20) });
    expect(body).not.toMatch(
      /approv|declin|reject|accept|decid|decision|congrat|sorry|unfortunat|denied|withdraw|[$€£]|\bpa(?:y|id)\b|fee|free|offer|deal|win|now!|urgent|immediately|today|asap|last chance|expire/i,
    );
    expect(body).not.toContain('!');
    expect(countSegments(body)).toBeLessThanOrEqual(name.startsWith('answer') ? 2 : 1);
  });
});
