import type { CountryCode } from 'libphonenumber-js/min';
import { expect, test } from 'vitest';
import { sayPhoneHint, sayPhoneRefusal, saySendRefusal } from '@/app/_format/phone-words';
import { sayOthers, sayTextState, sayUndeliverable } from '@/app/users/verify-phone/text-words';
import { after, noon } from '@/tests/support/people';
import { withSettings } from '@/tests/support/settings';

test.each([
  ['US,CA', 'US and Canadian numbers only.'],
  ['US', 'US numbers only.'],
  ['CA', 'Canadian numbers only.'],
  [
    'US,MX',
    'Numbers from these countries only: United States and Mexico. Outside the US and Canada, start with + and the country code.',
  ],
  ['US,CA,PR', 'Numbers from these countries only: United States, Canada, and Puerto Rico.'],
  ['US,CA,MX,GB,DE,FR,ES', 'Outside the US and Canada, start with + and the country code.'],
])('SMS_COUNTRIES=%s: the field and the refusal say whose numbers are taken', async (countries, hint) => {
  await withSettings({ smsCountries: countries.split(',') as CountryCode[] }, () => {
    expect(sayPhoneHint()).toBe(hint);
    const [served] = hint.split(' Outside');
    const refusal = sayPhoneRefusal('country_not_served');
    if (countries.length < 20) expect(refusal.endsWith(` ${served}`)).toBe(true);
    else expect(refusal).toMatch(/leave the phone out\.$/);
    expect(sayPhoneRefusal('too_short')).not.toContain(' only');
  });
});

const inAnHour = after(noon, 3600);

test.each([
  ['send_limit', 'Other people asked for codes to this number'],
  ['number_locked', 'Other people asked for codes to this number and entered wrong ones'],
  ['network_asked', 'Other people on your network asked for codes to this number'],
] as const)('a refusal (%s) that others have a part in says so and names a way on', (reason, words) => {
  const said = saySendRefusal({ reason, retryAt: inAnHour, byOthers: true }, noon, 'UTC');
  expect(said).toContain(words);
  expect(said).toContain('continue without verifying');
});

test.each(['send_limit', 'number_locked'] as const)(
  'a refusal (%s) that someone brought about alone speaks of nobody else',
  (reason) => {
    expect(saySendRefusal({ reason, retryAt: inAnHour }, noon, 'UTC')).not.toContain('Other people');
  },
);

test.each([
  [null, 'so none can be sent right now'],
  [inAnHour, 'and entered wrong ones'],
])('the code page says what others did, and offers what there is: %s', (retryAt, words) => {
  const tries = { remaining: 0, retryAt };
  const say = (wayOn: Parameters<typeof sayOthers>[1]['wayOn'], byOthers = true) =>
    sayOthers({ byOthers, tries }, { when: 'in 20 minutes', wayOn });
  expect(say('skip')).toContain(words);
  expect(say('skip')).toContain('You can try again in 20 minutes, or continue without verifying.');
  expect(say('later')).toMatch(/in 20 minutes\. You do not have to verify this number now\.$/);
  expect(say('none')).toMatch(/in 20 minutes\.$/);
  expect(say('skip', false)).toBeNull();
});

test.each([
  'invalid_number',
  'not_mobile',
  'filtered',
  'blocked_by_carrier',
  'handset_unreachable',
  'budget',
  'range_closed',
  'network_closed',
  'crowded',
  'internal_error',
  'daily_cap',
  'expired',
  'what nobody has classified',
])('a text that failed (%s) offers to go on without a code only to whom can', (reason) => {
  const text = { status: 'failed' as const, reason, errorCode: null, repeats: null };
  expect(sayTextState(text, 'skip')).toContain('continue without verifying');
  expect(sayTextState(text, 'later')).not.toContain('continue without');
  expect(sayTextState(text, 'none')).not.toMatch(/without|do not have to/);
  expect(sayTextState(text, 'none')).toMatch(/\w\.$/);
});

test('a number that no text reaches is said so, with the moment of the next try', () => {
  expect(sayUndeliverable('in 20 hours', 'skip')).toBe(
    'The carrier says so. Use another number, or try this one again in 20 hours, or continue without verifying.',
  );
});
