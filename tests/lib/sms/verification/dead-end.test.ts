import { describe, expect, test } from 'vitest';
import { sayTextState } from '@/app/users/verify-phone/text-words';
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

type Text = SentCode['texts'][number];
const text = (status: Text['status'], reason: string | null = null, retries = 0): Text => ({
  status,
  reason,
  retries,
  createdAt: noon,
  errorCode: null,
  details: null,
});

const derive = (...texts: Text[]) =>
  deriveVerificationState(
    { userId: 'u', phone, network: null, number: null, challenge, texts },
    after(noon, 10),
  );

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

test('a text that was repeated by itself says so, one that was asked for says that the code is the same', () => {
  const say = (...texts: Text[]) => sayTextState(derive(...texts).text, 'skip');
  expect(say(text('sent'))).toBeNull();
  expect(say(text('failed', 'unknown_error'), text('queued', null, 1))).toMatch(/so we are sending it again/);
  expect(say(text('failed', 'unknown_error'), text('delivered', null, 1))).toMatch(/so we sent it again/);
  expect(say(text('sent'), text('queued'))).toBeNull();
  expect(say(text('sent'), text('delivered'))).toMatch(/same code/);
});
