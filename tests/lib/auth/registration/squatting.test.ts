import { and, eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { auditLog, users } from '@/db/schema/accounts';
import { readPending } from '@/lib/accounts/pending';
import { findUserByEmail } from '@/lib/accounts/users';
import { proveEmail, disownAccount } from '@/lib/auth/registration/prove-email';
import { register } from '@/lib/auth/registration/register';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { checkCode } from '@/lib/sms/verification/check-code';
import { useDatabase } from '@/tests/support/database';
import { readMailsTo, readToken } from '@/tests/support/mails';
import { after, contextAt, newEmail, newPhone, noon, readCode } from '@/tests/support/people';
import { readTexts } from '@/tests/support/settled-person';
import { withSettings } from '@/tests/support/settings';

// Who comes first, who comes last, and who reads mail at the address: every order ends with its owner in.

const database = useDatabase();
const at = (seconds = 0) => contextAt(after(noon, seconds));
const ownerPassword = 'purple walrus engine';
const unproven = { ok: false, reason: 'email_unproven', mailRetryAt: null };

/** Wants to verify a phone, so the account is pending; or not, so it is open. */
const form = (email: string, name: string, { pending = true, password = 'violet otter cactus' } = {}) => ({
  email,
  name,
  password,
  phone: pending ? newPhone() : null,
  smsOptIn: false,
  verifyPhone: pending,
  tcpaConsent: pending,
  timeZone: null,
});

async function registerPending(email: string, name: string, seconds = 0) {
  const input = form(email, name);
  const made = await register(database.db, input, at(seconds));
  if (!made.ok || made.next !== 'verify') throw new Error('Not pending');
  const user = (await findUserByEmail(database.db, email))!;
  return { token: made.pendingToken, userId: user.id, phone: input.phone!, password: input.password };
}

const claimOf = (email: string) => readToken(database.db, email);
const ownerComes = (email: string, claim: string | null, seconds: number) =>
  register(database.db, form(email, 'Owner', { pending: false, password: ownerPassword }), at(seconds), {
    claim,
  });

async function finish(made: { userId: string; phone: string; token: string }, seconds: number) {
  const { userId, phone, token } = made;
  const readFrom = { pendingToken: token };
  const prover = { userId, role: 'applicant', phone, purpose: 'activate', readFrom } as const;
  return checkCode(database.db, prover, await readCode(database.db, userId), at(seconds));
}

async function expectOwnerIn(email: string, seconds: number): Promise<void> {
  expect(await findUserByEmail(database.db, email)).toMatchObject({ name: 'Owner' });
  expect((await findUserByEmail(database.db, email))!.emailProvenAt).not.toBeNull();
  expect(await signIn(database.db, { email, password: ownerPassword }, at(seconds))).toMatchObject({
    ok: true,
    next: 'dashboard',
  });
  const open = (await database.db.select().from(users).where(eq(users.email, email))).filter(
    ({ deactivatedAt }) => deactivatedAt === null,
  );
  expect(open).toHaveLength(1);
}

test('who registers an email with a letter that only looks like another leaves its owner a way in', async () => {
  const email = `mike.${newEmail()}`;
  const odd = email.replace('mike', 'mi\u212ae');
  expect(await register(database.db, form(odd, 'Stranger', { pending: false }), at())).toMatchObject({
    ok: true,
  });
  expect((await findUserByEmail(database.db, email))!.email).toBe(email.replace('mike', 'miKe'));
  expect(await ownerComes(email, null, 10)).toEqual(unproven);
  const mails = await readMailsTo(database.db, email.replace('mike', 'miKe'));
  expect(mails.map(({ template }) => template)).toContain('claimEmail');
});

describe('a stranger has begun to register an email', () => {
  test('however often others try, the account’s record says so once an hour', async () => {
    const email = newEmail();
    const stranger = await registerPending(email, 'Stranger');
    for (const seconds of [10, 20, 30, 3_500, 3_700]) await ownerComes(email, null, seconds);
    const refused = await database.db
      .select()
      .from(auditLog)
      .where(and(eq(auditLog.userId, stranger.userId), eq(auditLog.action, 'registration_refused')));
    expect(refused.map(({ at }) => at)).toEqual([after(noon, 10), after(noon, 3_700)]);
  });

  test('its owner gets a link, and until it is followed the stranger’s browser keeps what it has', async () => {
    const email = newEmail();
    const stranger = await registerPending(email, 'Stranger');
    expect(await ownerComes(email, null, 10)).toEqual(unproven);
    expect(await readPending(database.db, stranger.token, after(noon, 11))).toMatchObject({
      id: stranger.userId,
    });
    expect(await ownerComes(email, await claimOf(email), 20)).toMatchObject({ ok: true });
    expect(await readPending(database.db, stranger.token, after(noon, 21))).toBeNull();
    expect(
      (await readTexts(database.db, stranger.phone)).filter(({ status }) => status === 'queued'),
    ).toEqual([]);
    expect(await signIn(database.db, { email, password: stranger.password }, at(22))).toMatchObject({
      ok: false,
    });
    await expectOwnerIn(email, 23);
  });

  test('a second stranger changes nothing for anybody, and the link that they caused is the owner’s', async () => {
    const email = newEmail();
    const first = await registerPending(email, 'Stranger One');
    expect(await register(database.db, form(email, 'Stranger Two'), at(5))).toEqual(unproven);
    expect(await findUserByEmail(database.db, email)).toMatchObject({ name: 'Stranger One' });
    const claim = await claimOf(email);
    expect(await finish(first, 10)).toMatchObject({ ok: true });
    expect(await ownerComes(email, claim, 20)).toMatchObject({ ok: true });
    await expectOwnerIn(email, 21);
  });

  test('its owner says that they did not make it, and registers as if nobody had been there', async () => {
    const email = newEmail();
    await registerPending(email, 'Stranger');
    expect(await disownAccount(database.db, await readToken(database.db, email), at(5))).toEqual({
      ok: true,
    });
    expect(await findUserByEmail(database.db, email)).toBeNull();
    expect(await ownerComes(email, null, 10)).toMatchObject({ ok: true });
  });

  test('the cookie of another pending account replaces nothing', async () => {
    const [email, elsewhere] = [newEmail(), newEmail()];
    await registerPending(email, 'Stranger');
    const { token: pendingToken } = await registerPending(elsewhere, 'Other');
    expect(await register(database.db, form(email, 'Other'), at(5), { pendingToken })).toEqual(unproven);
  });
});

describe('the owner of an email was first', () => {
  test('a stranger takes nothing from them: cookie and code work on', async () => {
    const email = newEmail();
    const owner = await registerPending(email, 'Owner');
    for (let times = 1; times <= 5; times += 1) {
      expect(await register(database.db, form(email, 'Stranger'), at(times))).toMatchObject({
        reason: 'email_unproven',
      });
    }
    expect(await readPending(database.db, owner.token, after(noon, 10))).toMatchObject({ id: owner.userId });
    expect(await finish(owner, 20)).toMatchObject({ ok: true, proven: true });
  });

  test('a link that a stranger caused closes nothing once the owner has proven the email', async () => {
    const email = newEmail();
    const owner = await registerPending(email, 'Owner');
    const proof = await readToken(database.db, email);
    await register(database.db, form(email, 'Stranger'), at(5));
    const claim = await claimOf(email);
    expect(await finish(owner, 10)).toMatchObject({ ok: true });
    const browser = { signedIn: owner.userId, knownBrowser: null };
    expect(await proveEmail(database.db, { token: proof, password: null }, browser, at(11))).toEqual({
      ok: true,
    });
    expect(await ownerComes(email, claim, 20)).toEqual({ ok: false, reason: 'email_taken' });
    expect(await findUserByEmail(database.db, email)).toMatchObject({
      id: owner.userId,
      deactivatedAt: null,
    });
  });

  test('the browser that began goes on with another number and name; another device gets in by the link', async () => {
    const email = newEmail();
    const owner = await registerPending(email, 'Onwer');
    const again = await register(database.db, form(email, 'Owner'), at(5), { pendingToken: owner.token });
    expect(again).toMatchObject({ ok: true, next: 'verify' });
    expect(await readPending(database.db, owner.token, after(noon, 6))).toBeNull();
    // On another device, with nothing but the mailbox.
    expect(await ownerComes(email, null, 3600)).toEqual(unproven);
    expect(await ownerComes(email, await claimOf(email), 3610)).toMatchObject({ ok: true });
    await expectOwnerIn(email, 3620);
  });

  test('by the password a new device goes on where the first one stopped', async () => {
    const email = newEmail();
    const owner = await registerPending(email, 'Owner');
    expect(await signIn(database.db, { email, password: owner.password }, at(5))).toMatchObject({
      next: 'verify',
    });
  });
});

describe('a link to an email that someone else uses', () => {
  test('works once, whatever was there: a pending account, or an open one', async () => {
    for (const pending of [true, false]) {
      const email = newEmail();
      await register(database.db, form(email, 'Stranger', { pending }), at());
      expect(await ownerComes(email, null, 5)).toEqual(unproven);
      const claim = await claimOf(email);
      expect(await ownerComes(email, claim, 10)).toMatchObject({ ok: true });
      expect(await ownerComes(email, claim, 11)).toMatchObject({ ok: false, reason: 'claim' });
      await expectOwnerIn(email, 12);
    }
  });

  test('is used by one of ten at the same instant while the account is pending', async () => {
    const email = newEmail();
    await registerPending(email, 'Stranger');
    await ownerComes(email, null, 5);
    const claim = await claimOf(email);
    const answers = await Promise.all(Array.from({ length: 10 }, () => ownerComes(email, claim, 10)));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    await expectOwnerIn(email, 12);
  });

  test('beside the stranger’s own right code ends with the owner in', async () => {
    for (let round = 0; round < 3; round += 1) {
      const email = newEmail();
      const stranger = await registerPending(email, 'Stranger');
      await ownerComes(email, null, 5);
      const claim = await claimOf(email);
      await Promise.all([ownerComes(email, claim, 10), finish(stranger, 10).catch(() => null)]);
      await expectOwnerIn(email, 12);
    }
  });
});

test('who asks is not told whether the account is open or pending', async () => {
  const answers = [];
  for (const pending of [true, false]) {
    const email = newEmail();
    await register(database.db, form(email, 'Stranger', { pending }), at());
    answers.push(await ownerComes(email, null, 5));
    expect((await readMailsTo(database.db, email))[0]).toMatchObject({ template: 'claimEmail', params: {} });
  }
  expect(answers[1]).toEqual(answers[0]);
});

test('where mail is off a pending account makes way for whoever registers next', async () => {
  await withSettings({ mail: { via: 'off' } }, async () => {
    const email = newEmail();
    const first = await registerPending(email, 'Stranger');
    expect(await ownerComes(email, null, 5)).toMatchObject({ ok: true });
    expect(await readPending(database.db, first.token, after(noon, 6))).toBeNull();
  });
});
