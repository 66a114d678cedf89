import fc from 'fast-check';
import { SegmentedMessage } from 'sms-segments-calculator';
import { describe, expect, it } from 'vitest';
import { isStandardKeyword, readInbound } from '@/lib/consent/keywords';
import { countSegments } from '@/lib/sms/outbox/segments';
import { renderText } from '@/lib/sms/outbox/templates';

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

describe('the other texts', () => {
  const all = {
    optInConfirmation: renderText('optInConfirmation', {}).body,
    phoneChanged: renderText('phoneChanged', { url }).body,
    applicationStatus: renderText('applicationStatus', { title: '12 Elm Street', status: 'approved', url })
      .body,
    securityNotice: renderText('securityNotice', { event: 'your password was changed', url }).body,
    test: renderText('test', {}).body,
    stopConfirmation: renderText('stopConfirmation', {}).body,
    startConfirmation: renderText('startConfirmation', { url }).body,
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
    const { body } = renderText('applicationStatus', {
      title: `“Elm’s\n@evil.example #123456\u202e ${'x'.repeat(500)}`,
      status: 'approved',
      url,
    });
    expect(body).not.toContain('\n');
    expect(body).not.toContain('\u202e');
    expect(body.startsWith('Doorstep: "Elm\'s @evil.example')).toBe(true);
    expect(countSegments(body)).toBeLessThanOrEqual(2);
  });
});
