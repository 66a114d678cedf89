import { expect, test } from 'vitest';
import { answerSaved, sayPreview } from '@/app/users/sms-preferences/preview-words';
import type { QuietHours } from '@/lib/sms/preferences/save-quiet-hours';

const hours: QuietHours = {
  quietHoursEnabled: true,
  quietHoursStart: '20:00',
  quietHoursEnd: '09:00',
  timeZone: 'Asia/Tokyo',
};
const day = new Date('2026-11-24T03:05:00Z');
const night = new Date('2026-11-24T13:05:00Z');
const ofNewYork = '+12125550123';
const ofNowhere = '+15551234567';

test.each([
  [
    'the city and its time by day',
    hours,
    null,
    day,
    'Texts wait from 8:00 PM to 9:00 AM, Tokyo time. It is 12:05 PM there now, so no text waits.',
  ],
  [
    'until when a text of the night waits',
    hours,
    null,
    night,
    'Texts wait from 8:00 PM to 9:00 AM, Tokyo time. It is 10:05 PM there now, so texts wait until Wed 9:00 AM.',
  ],
  [
    'no zone to whom no number and no choice tells one',
    { ...hours, timeZone: null },
    null,
    day,
    'Texts wait from 8:00 PM to 9:00 AM where you are. Choose your time zone, so that we know when that is.',
  ],
  [
    'the zone of a number that is of one',
    { ...hours, timeZone: null },
    ofNewYork,
    day,
    'Texts wait from 8:00 PM to 9:00 AM, New York time. It is 10:05 PM there now, so texts wait until Tue 9:00 AM.',
  ],
  [
    'nothing of a zone where they are off',
    { ...hours, quietHoursEnabled: false },
    null,
    day,
    'Without quiet hours, a text goes out as soon as it is ready.',
  ],
])('quiet hours say %s', async (_what, asked, phone, now, words) => {
  expect(await sayPreview(asked, phone, now)).toBe(words);
});

test('a number that may be in several zones is said to be, and its person asked to choose', async () => {
  const words = await sayPreview({ ...hours, timeZone: null }, ofNowhere, day);
  expect(words).toContain('in each time zone that your number may be in.');
  expect(words).toContain('Choose your time zone to be exact.');
  expect(words).not.toContain('UTC');
});

test.each([
  ['count', hours, 'success', 'Saved. Your quiet hours count from now on.'],
  [
    'hold nothing back with equal ends',
    { ...hours, quietHoursStart: '09:00' },
    'warning',
    'Saved. No text waits: they start and end at the same time.',
  ],
  [
    'are off',
    { ...hours, quietHoursEnabled: false, quietHoursStart: '09:00' },
    'success',
    'Saved. Your quiet hours are off.',
  ],
])('hours that were saved are said to count only where they do: they %s', (_what, saved, tone, message) => {
  expect(answerSaved(saved)).toEqual({ tone, message });
});
