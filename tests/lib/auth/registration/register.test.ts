import { eq, or } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { users } from '@/db/schema/accounts';
import { smsConsentDetails, smsConsents } from '@/db/schema/consent';
import { smsMessages, smsPreferences, smsVerifications } from '@/db/schema/sms';
import { readPending } from '@/lib/accounts/pending';
import { redeemLoginGrant } from '@/lib/accounts/sessions';
import { findUserByEmail } from '@/lib/accounts/users';
import { register } from '@/lib/auth/registration/register';
import type { RegistrationInput } from '@/lib/auth/registration/register-input';
import { currentWording } from '@/lib/consent/current-wording';
import { writePlain } from '@/lib/consent/wording';
import { codesOf, readLastChallenge } from '@/lib/sms/verification/challenge';
import { markNumber } from '@/lib/phone/mark';
import { checkCode } from '@/lib/sms/verification/check-code';
import { withSettings } from '@/tests/support/settings';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, newEmail, newPhone, noon } from '@/tests/support/people';

const database = useDatabase();

const input = (changes: Partial<RegistrationInput> = {}): RegistrationInput => ({
  email: newEmail(),
  name: 'Test Person',
  password: 'violet otter cactus',
  phone: null,
  smsOptIn: false,
  verifyPhone: false,
  tcpaConsent: false,
  timeZone: 'America/Chicago',
  ...changes,
});
const withTexts = (changes: Partial<RegistrationInput> = {}) =>
  input({ phone: newPhone(), smsOptIn: true, verifyPhone: true, tcpaConsent: true, ...changes });
const at = (now = noon) => contextAt(now);

describe('with "Verify my phone"', () => {
  test('the account is pending, with preferences, consent, one challenge and one text, all or nothing', async () => {
    const form = withTexts();
    const registered = await register(database.db, form, at());
    expect(registered).toMatchObject({ ok: true, next: 'verify' });
    const user = (await findUserByEmail(database.db, form.email))!;
    expect(user).toMatchObject({ activatedAt: null, phone: form.phone, role: 'applicant' });
    const [preferences] = await database.db
      .select()
      .from(smsPreferences)
      .where(eq(smsPreferences.userId, user.id));
    expect(preferences).toMatchObject({ enabled: true, timeZone: 'America/Chicago' });
    const consents = await database.db.select().from(smsConsents).where(eq(smsConsents.userId, user.id));
    expect(consents.map(({ scope, action, medium }) => [scope, action, medium])).toEqual([
      ['verification', 'granted', 'registration'],
      ['updates', 'granted', 'registration'],
    ]);
    expect(consents[0]).toMatchObject({
      phone: form.phone,
      wordingVersion: currentWording().version,
      wording: writePlain(currentWording()),
      sender: 'Doorstep',
    });
    const details = await database.db
      .select()
      .from(smsConsentDetails)
      .where(eq(smsConsentDetails.userId, user.id));
    expect(details).toHaveLength(2);
    expect(details[0]).toMatchObject({ userAgent: 'test', address: expect.stringContaining('10.0.') });
    const challenges = await database.db
      .select()
      .from(smsVerifications)
      .where(eq(smsVerifications.userId, user.id));
    expect(challenges).toHaveLength(1);
    const texts = await database.db.select().from(smsMessages).where(eq(smsMessages.userId, user.id));
    expect(texts).toHaveLength(1);
    expect(texts[0]).toMatchObject({
      purpose: 'verification',
      status: 'queued',
      challengeId: challenges[0]!.id,
    });
  });

  test('the pending token opens the code page only, and activation ends it', async () => {
    const form = withTexts();
    const registered = await register(database.db, form, at());
    if (!registered.ok || registered.next !== 'verify') throw new Error('not pending');
    const pending = await readPending(database.db, registered.pendingToken, after(noon, 1));
    expect(pending?.email).toBe(form.email);
    expect(await redeemLoginGrant(database.db, registered.pendingToken, at())).toBeNull();
    expect(await readPending(database.db, registered.pendingToken, after(noon, 30 * 60))).toBeNull();
  });

  test('consent names only what was asked for', async () => {
    const form = withTexts({ smsOptIn: false });
    await register(database.db, form, at());
    const user = (await findUserByEmail(database.db, form.email))!;
    const consents = await database.db.select().from(smsConsents).where(eq(smsConsents.userId, user.id));
    expect(consents.map(({ scope }) => scope)).toEqual(['verification']);
  });

  test('a number at its limit still gets its account, and the code page says when the next text may go', async () => {
    const phone = newPhone();
    for (let i = 0; i < 3; i += 1) await register(database.db, withTexts({ phone }), at(after(noon, i)));
    const form = withTexts({ phone });
    expect(await register(database.db, form, at(after(noon, 10)))).toMatchObject({
      ok: true,
      next: 'verify',
    });
    const user = (await findUserByEmail(database.db, form.email))!;
    expect(await readLastChallenge(database.db, user.id, noon)).toBeNull();
  });
});

describe('without it', () => {
  test('the account is open at once and the grant signs in once', async () => {
    const form = input();
    const registered = await register(database.db, form, at());
    if (!registered.ok || registered.next !== 'dashboard') throw new Error('not open');
    expect(await redeemLoginGrant(database.db, registered.grant, at(after(noon, 59)))).not.toBeNull();
    expect(await redeemLoginGrant(database.db, registered.grant, at(after(noon, 59)))).toBeNull();
  });

  test('a grant older than a minute signs nobody in', async () => {
    const registered = await register(database.db, input(), at());
    if (!registered.ok || registered.next !== 'dashboard') throw new Error('not open');
    expect(await redeemLoginGrant(database.db, registered.grant, at(after(noon, 60)))).toBeNull();
  });
});

describe('refusals', () => {
  test.each([
    [{ phone: null }, { reason: 'phone_missing' }],
    [{ tcpaConsent: false }, { reason: 'consent_missing' }],
    [{ phone: '12' }, { reason: 'phone' }],
    [{ password: 'password123' }, { reason: 'password', why: 'common' }],
    [{ password: 'short' }, { reason: 'password', why: 'too_short' }],
  ] as const)('%o is refused and leaves no row', async (changes, refusal) => {
    const form = withTexts(changes);
    expect(await register(database.db, form, at())).toMatchObject({ ok: false, ...refusal });
    expect(await findUserByEmail(database.db, form.email)).toBeNull();
  });

  test('an open email in another spelling is taken, and nothing about its account changes', async () => {
    const form = input();
    await register(database.db, form, at());
    const before = await findUserByEmail(database.db, form.email);
    const again = await register(database.db, withTexts({ email: form.email.toUpperCase() }), at());
    // It is open and was never proven, so whoever reads mail there may open another.
    expect(again).toEqual({ ok: false, reason: 'email_unproven', mailRetryAt: null });
    expect(await findUserByEmail(database.db, form.email)).toEqual(before);
  });
});

describe('a pending email registered again in its own browser, or where mail is off', () => {
  test('replaces the account: its row, tokens and challenges end, and nothing is taken over', async () => {
    const form = withTexts();
    const first = await register(database.db, form, at());
    const earlier = (await findUserByEmail(database.db, form.email))!;
    const challenge = (await readLastChallenge(database.db, earlier.id, noon))!;
    const second = await register(
      database.db,
      withTexts({ email: form.email, phone: form.phone, smsOptIn: false, name: 'Someone Else' }),
      at(after(noon, 5)),
      { pendingToken: first.ok && first.next === 'verify' ? first.pendingToken : null },
    );
    expect(second).toMatchObject({ ok: true, next: 'verify' });
    const user = (await findUserByEmail(database.db, form.email))!;
    expect(user.id).not.toBe(earlier.id);
    expect(user.name).toBe('Someone Else');
    if (first.ok && first.next === 'verify') {
      expect(await readPending(database.db, first.pendingToken, after(noon, 6))).toBeNull();
    }
    const prover = {
      userId: user.id,
      role: 'applicant' as const,
      phone: user.phone,
      purpose: 'activate' as const,
      readFrom: { pendingToken: first.ok && first.next === 'verify' ? first.pendingToken : '' },
    };
    const oldCode = await checkCode(database.db, prover, codesOf(challenge)[0]!, at(after(noon, 7)));
    expect(oldCode).toMatchObject({ ok: false });
    const texts = await database.db
      .select()
      .from(smsMessages)
      .where(or(eq(smsMessages.phone, form.phone!), eq(smsMessages.phoneMark, markNumber(form.phone!))));
    expect(texts.map(({ status }) => status).sort()).toEqual(['canceled', 'queued']);
  });

  test('twenty times at the same instant, where mail is off, leaves one account and no error', async () => {
    const email = newEmail();
    const outcomes = await withSettings({ mail: { via: 'off' } }, () =>
      Promise.all(Array.from({ length: 20 }, () => register(database.db, withTexts({ email }), at()))),
    );
    // A slow machine turns those away that would wait too long for their password; eight may always wait.
    const refusals = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.reason]));
    expect(new Set(refusals)).toEqual(new Set(refusals.length > 0 ? ['busy'] : []));
    expect(outcomes.length - refusals.length).toBeGreaterThan(8);
    const rows = await database.db.select().from(users).where(eq(users.email, email));
    expect(rows).toHaveLength(1);
  });

  test('beside its own right code ends in one account, open or pending, never in an error', async () => {
    for (let round = 0; round < 5; round += 1) {
      const form = withTexts();
      const first = await register(database.db, form, at());
      const pendingToken = first.ok && first.next === 'verify' ? first.pendingToken : null;
      const user = (await findUserByEmail(database.db, form.email))!;
      const code = codesOf((await readLastChallenge(database.db, user.id, noon))!)[0]!;
      const prover = {
        userId: user.id,
        role: 'applicant' as const,
        phone: user.phone,
        purpose: 'activate' as const,
        readFrom: { pendingToken: pendingToken! },
      };
      const [again, checked] = await Promise.all([
        register(database.db, withTexts({ email: form.email, phone: form.phone }), at(after(noon, 2)), {
          pendingToken,
        }),
        checkCode(database.db, prover, code, at(after(noon, 2))),
      ]);
      const rows = await database.db.select().from(users).where(eq(users.email, form.email));
      expect(rows).toHaveLength(1);
      if (checked.ok) {
        expect(again).toEqual({ ok: false, reason: 'email_unproven', mailRetryAt: null });
        expect(rows[0]!.activatedAt).not.toBeNull();
      } else expect(again.ok).toBe(true);
    }
  });
});
