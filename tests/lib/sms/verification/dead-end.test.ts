import { describe, expect, test } from 'vitest';
import { chooseMainAct, sayHeading, sayWhereCodeIs } from '@/app/users/verify-phone/main-act';
import { sayTextState } from '@/app/users/verify-phone/text-words';
import type { NumberRow } from '@/lib/sms/numbers/number';
import type { Challenge } from '@/lib/sms/verification/challenge';
import { deriveVerificationState, type SentCode } from '@/lib/sms/verification/state';
import { after, noon } from '@/tests/support/people';

const phone = '+15552000001';
const challenge = {
  id: 'c',
  userId: 'u',
  phone,
  purpose: 'activate',
  sendClass: 'prove',
  nonce: 'n',
  wrongTries: 0,
  consumedAt: null,
  endedAt: null,
  endedBy: null,
  createdAt: noon,
  lastSentAt: noon,
  expiresAt: after(noon, 600),
} as unknown as Challenge;

const stopped: NumberRow = {
  number: phone,
  proveSends: [noon],
  proveAgainSends: [],
  signInSends: [],
  recoverSends: [],
  proveFailures: [],
  proveAgainFailures: [],
  signInFailures: [],
  recoverFailures: [],
  strangerActs: [],
  holderUserId: null,
  heldSince: null,
  suppressedAt: noon,
  suppressedBy: 'sms_stop',
  suppressedSenders: null,
  suppressedLater: null,
  stopSaidTo: null,
  undeliverableAt: null,
  outOfServiceOn: null,
  deadTexts: [],
  provenAgainAt: null,
  lastActOn: null,
};

type Text = SentCode['texts'][number];
const text = (status: Text['status'], reason: string | null = null, retries = 0): Text => ({
  status,
  reason,
  retries,
  createdAt: noon,
  errorCode: null,
  details: null,
});

const deriveFor = (number: NumberRow | null, texts: readonly Text[]) =>
  deriveVerificationState({ userId: 'u', phone, network: null, number, challenge, texts }, after(noon, 10));
const derive = (...texts: Text[]) => deriveFor(null, texts);

/** The same after a STOP. */
const deriveStopped = (...texts: Text[]) => deriveFor(stopped, texts);

describe('a code is at a dead end', () => {
  test.each(['undeliverable_number', 'landline', 'country_not_served', 'filtered', 'blocked_by_carrier'])(
    'where its text failed for a reason that stays: %s',
    (reason) => expect(derive(text('failed', reason)).deadEnd).toBe(true),
  );

  test.each(['handset_unreachable', 'budget', 'internal_error', 'unknown_error'])(
    'not where sending again may help: %s',
    (reason) => expect(derive(text('failed', reason)).deadEnd).toBe(false),
  );

  test.each(['sent', 'delivered'] as const)('not where an earlier text of it was %s', (status) =>
    expect(derive(text(status), text('failed', 'landline')).deadEnd).toBe(false),
  );
});

describe('after a STOP', () => {
  test.each([
    ['queued', null],
    ['canceled', 'stopped'],
    ['failed', 'stopped'],
    ['failed', 'opted_out'],
    ['failed', 'landline'],
  ] as const)('no code can be there whose text never arrived: %s, %s', (status, reason) => {
    const state = deriveStopped(text(status, reason));
    expect(state.deadEnd).toBe(true);
    const asks = chooseMainAct(state);
    expect([asks, sayHeading(state, asks), sayWhereCodeIs(state, asks)]).toEqual([
      'number',
      'Verify your phone',
      null,
    ]);
  });

  test.each([
    ['sending', null],
    ['sent', null],
    ['delivered', null],
    ['failed', 'handset_unreachable'],
  ] as const)(
    'a code that may have arrived can be entered, and no other is promised: %s',
    (status, reason) => {
      const state = deriveStopped(text(status, reason), text('canceled', 'stopped'));
      expect(state.deadEnd).toBe(false);
      const asks = chooseMainAct(state);
      expect([asks, sayHeading(state, asks), sayWhereCodeIs(state, asks)]).toEqual([
        'code',
        'Enter the code if you have it',
        'No new code comes to this number. One that has arrived still works.',
      ]);
    },
  );
});

test('where the code is follows from its text', () => {
  const say = (status: Text['status']) => {
    const state = derive(text(status));
    return sayWhereCodeIs(state, chooseMainAct(state));
  };
  expect(say('queued')).toBe('We text a six-digit code to this number.');
  expect(say('sent')).toBe('We texted a six-digit code to this number.');
  expect(say('delivered')).toBe('We texted a six-digit code to this number.');
  expect(say('failed')).toBeNull();
});

test('a text that was repeated by itself says so, one that was asked for says that the code is the same', () => {
  const say = (...texts: Text[]) => sayTextState(derive(...texts).text, 'skip');
  expect(say(text('sent'))).toBeNull();
  expect(say(text('failed', 'unknown_error'), text('queued', null, 1))).toMatch(/so we are sending it again/);
  expect(say(text('failed', 'unknown_error'), text('delivered', null, 1))).toMatch(/so we sent it again/);
  expect(say(text('sent'), text('queued'))).toBeNull();
  expect(say(text('sent'), text('delivered'))).toMatch(/same code/);
});
