import { expect, test } from 'vitest';
import { chooseMainAct, sayClosed, sayHeading, waitsLong } from '@/app/users/verify-phone/main-act';
import { deriveVerificationState, type SentCode } from '@/lib/sms/verification/state';
import { after, noon } from '../support/people';

const phone = '+14155550123';
const stateOf = (sent: Partial<SentCode>) =>
  deriveVerificationState(
    { userId: 'a', phone, network: null, number: null, challenge: null, texts: [], ...sent },
    noon,
  );

test.each(['crowded', 'range_closed', 'network_closed'] as const)(
  'where no code was ever sent (%s) no last code is spoken of',
  (reason) => {
    const state = stateOf({ putOff: { reason, until: after(noon, 600) } });
    const asks = chooseMainAct(state);
    expect(asks).toBe('new_code');
    expect(sayHeading(state, asks)).toBe('No code was sent');
    expect(sayClosed(state, null)).toBeNull();
  },
);

test('where a code was sent and is over, the page says why, and is about a new one', () => {
  for (const closed of ['tries_spent', 'expired', 'ended'] as const) {
    const state = { ...stateOf({}), closed };
    expect(sayHeading(state, chooseMainAct(state))).toBe('Get a new code');
    expect(sayClosed(state, null)).toContain('last code');
  }
  expect(sayClosed({ closed: null }, 'in 5 minutes')).toContain('You can try again in 5 minutes.');
});

test('a number that replied STOP is not told to be replaced', () => {
  const state = { ...stateOf({}), blocked: 'stopped' as const };
  expect(chooseMainAct(state)).toBe('number');
  expect(sayHeading(state, 'number')).toBe('Verify your phone');
});

test('going on without a code is the thing to do where a new one takes longer than two minutes', () => {
  expect(waitsLong('new_code', after(noon, 121), noon)).toBe(true);
  expect(waitsLong('new_code', after(noon, 120), noon)).toBe(false);
  expect(waitsLong('new_code', null, noon)).toBe(false);
  expect(waitsLong('code', after(noon, 3000), noon)).toBe(false);
  expect(waitsLong('number', after(noon, 3000), noon)).toBe(false);
});
