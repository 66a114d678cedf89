import { eq } from 'drizzle-orm';
import { beforeAll, describe, expect, test } from 'vitest';
import { auditLog, users } from '@/db/schema/accounts';
import { smsConsents } from '@/db/schema/consent';
import { smsMessages } from '@/db/schema/sms';
import { readSession, redeemLoginGrant } from '@/lib/accounts/sessions';
import { findUserByEmail } from '@/lib/accounts/users';
import { disownAccount, proveEmail, sendProofAgain } from '@/lib/auth/registration/prove-email';
import { register } from '@/lib/auth/registration/register';
import type { RegistrationInput } from '@/lib/auth/registration/register-input';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { useDatabase } from '@/tests/support/database';
import { readMailsTo, readToken } from '@/tests/support/mails';
import { after, contextAt, givePerson, newEmail, newPhone, noon } from '@/tests/support/people';
import { withSettings } from '@/tests/support/settings';

const database = useDatabase();
const password = 'violet otter cactus';

const input = (changes: Partial<RegistrationInput> = {}): RegistrationInput => ({
  email: newEmail(),
  name: 'Test Person',
  password,
  phone: null,
  smsOptIn: false,
  verifyPhone: false,
  tcpaConsent: false,
  timeZone: null,
  ...changes,
});
const nobody = { signedIn: null, knownBrowser: null };
const at = (seconds = 0) => contextAt(after(noon, seconds));

/** Registers someone who is signed in at once. */
async function signUp(changes: Partial<RegistrationInput> = {}) {
  const form = input(changes);
  const registered = await register(database.db, form, at());
  if (!registered.ok || registered.next !== 'dashboard') throw new Error('not registered');
  const user = (await findUserByEmail(database.db, form.email))!;
  const session = (await redeemLoginGrant(database.db, registered.grant, at()))!;
  return { ...form, userId: user.id, sessionId: session.sessionId };
}

const readUser = async (userId: string) =>
  (await database.db.select().from(users).where(eq(users.id, userId)))[0];

describe('registering', () => {
  test('mails a link in the same transaction, with nothing in it that was typed', async () => {
    const { email, userId } = await signUp({ name: 'Buy gold at evil.example' });
    const mails = await readMailsTo(database.db, email);
    expect(mails).toEqual([
      expect.objectContaining({ userId, to: email, template: 'confirmEmail', params: {}, sentAt: null }),
    ]);
    expect(await readUser(userId)).toMatchObject({ emailProvenAt: null });
  });

  test('mails nothing where mail is off, and the answers are those of before', async () => {
    await withSettings({ mail: { via: 'off' } }, async () => {
      const { email, userId } = await signUp();
      expect(await readMailsTo(database.db, email)).toEqual([]);
      expect(await register(database.db, input({ email }), at())).toEqual({
        ok: false,
        reason: 'email_taken',
      });
      expect(await sendProofAgain(database.db, userId, at())).toEqual({ ok: false, reason: 'mail_off' });
    });
  });

  test('goes on without a mail once an address or a network has had its share', async () => {
    const network = '198.51.100.7';
    let mailed = 0;
    for (let times = 0; times < 35; times += 1) {
      const form = input();
      const context = { ...contextAt(after(noon, times * 60), network) };
      expect(await register(database.db, form, context)).toMatchObject({ ok: true });
      mailed += (await readMailsTo(database.db, form.email)).length;
    }
    expect(mailed).toBe(30);
  });
});

describe('the link of the mail', () => {
  test('proves the email of the account that the browser is signed in to, once', async () => {
    const { email, userId } = await signUp();
    const token = await readToken(database.db, email);
    const signedIn = { signedIn: userId, knownBrowser: null };
    expect(await proveEmail(database.db, { token, password: null }, signedIn, at(60))).toEqual({ ok: true });
    expect(await readUser(userId)).toMatchObject({ emailProvenAt: after(noon, 60) });
    expect(await proveEmail(database.db, { token, password: null }, signedIn, at(61))).toEqual({
      ok: false,
      reason: 'used',
    });
    const entries = await database.db.select().from(auditLog).where(eq(auditLog.userId, userId));
    expect(entries.filter(({ action }) => action === 'email_proven')).toHaveLength(1);
  });

  test('proves nothing without the session or the password of that very account', async () => {
    const { email, userId } = await signUp();
    const other = await signUp();
    const token = await readToken(database.db, email);
    const refused = { ok: false, reason: 'not_yours' };
    expect(await proveEmail(database.db, { token, password: null }, nobody, at())).toEqual(refused);
    const otherBrowser = { signedIn: other.userId, knownBrowser: null };
    expect(await proveEmail(database.db, { token, password: null }, otherBrowser, at())).toEqual(refused);
    expect(
      await proveEmail(database.db, { token, password: 'not the password' }, nobody, at()),
    ).toMatchObject({
      ok: false,
      reason: 'wrong_password',
    });
    expect(await readUser(userId)).toMatchObject({ emailProvenAt: null });
    expect(await proveEmail(database.db, { token, password }, otherBrowser, at())).toEqual({ ok: true });
    expect(await readUser(userId)).toMatchObject({ emailProvenAt: expect.any(Date) });
  });

  test('proves the email of a pending account, which stays pending', async () => {
    const form = input({ phone: newPhone(), verifyPhone: true, tcpaConsent: true });
    expect(await register(database.db, form, at())).toMatchObject({ next: 'verify' });
    const token = await readToken(database.db, form.email);
    expect(await proveEmail(database.db, { token, password }, nobody, at(5))).toEqual({ ok: true });
    const user = await findUserByEmail(database.db, form.email);
    expect(user).toMatchObject({ activatedAt: null, emailProvenAt: after(noon, 5) });
  });

  test('of a newer mail is the one that works, three an hour', async () => {
    const { email, userId } = await signUp();
    const first = await readToken(database.db, email);
    expect(await sendProofAgain(database.db, userId, at(10))).toEqual({ ok: true });
    const second = await readToken(database.db, email);
    expect(second).not.toBe(first);
    const signedIn = { signedIn: userId, knownBrowser: null };
    expect(await proveEmail(database.db, { token: first, password: null }, signedIn, at(11))).toEqual({
      ok: false,
      reason: 'ended',
    });
    expect(await sendProofAgain(database.db, userId, at(12))).toEqual({ ok: true });
    expect(await sendProofAgain(database.db, userId, at(13))).toEqual({
      ok: false,
      reason: 'mail_limit',
      retryAt: after(noon, 3600),
    });
    expect(await readMailsTo(database.db, email)).toHaveLength(3);
    const last = await readToken(database.db, email);
    expect(await proveEmail(database.db, { token: last, password: null }, signedIn, at(14))).toEqual({
      ok: true,
    });
    expect(await sendProofAgain(database.db, userId, at(7200))).toEqual({
      ok: false,
      reason: 'proven_already',
    });
  });
});

describe('"I did not make this account"', () => {
  test('closes the account: nobody is in it, no text of it goes out, its email is free', async () => {
    const squatter = await signUp({ phone: newPhone(), smsOptIn: true, tcpaConsent: true });
    const { email, userId, sessionId } = squatter;
    const token = await readToken(database.db, email);
    expect(await disownAccount(database.db, token, at(60))).toEqual({ ok: true });
    expect(await readSession(database.db, sessionId, after(noon, 61))).toBeNull();
    expect(await signIn(database.db, { email, password }, at(62))).toMatchObject({
      reason: 'wrong_credentials',
    });
    expect(await readUser(userId)).toMatchObject({ email, deactivatedAt: after(noon, 60) });
    const consents = await database.db.select().from(smsConsents).where(eq(smsConsents.userId, userId));
    expect(consents.at(-1)).toMatchObject({ action: 'withdrawn', medium: 'account_disowned' });
    expect(await register(database.db, input({ email }), at(70))).toMatchObject({ ok: true });
  });

  test('closes nothing once the email was proven with the password', async () => {
    const { email, userId } = await signUp();
    const token = await readToken(database.db, email);
    await sendProofAgain(database.db, userId, at(1));
    const newer = await readToken(database.db, email);
    await proveEmail(database.db, { token: newer, password }, nobody, at(2));
    expect(await disownAccount(database.db, newer, at(3))).toEqual({ ok: false, reason: 'used' });
    expect(await disownAccount(database.db, token, at(3))).toEqual({ ok: false, reason: 'ended' });
    expect(await readUser(userId)).toMatchObject({ deactivatedAt: null });
  });

  test('beside a proof at the same instant one of the two happens, never both', async () => {
    for (let round = 0; round < 8; round += 1) {
      const { email, userId } = await signUp();
      const token = await readToken(database.db, email);
      const signedIn = { signedIn: userId, knownBrowser: null };
      const [proven, closed] = await Promise.all([
        proveEmail(database.db, { token, password: null }, signedIn, at(5)),
        disownAccount(database.db, token, at(5)),
      ]);
      expect([proven.ok, closed.ok].filter(Boolean)).toHaveLength(1);
      const user = await readUser(userId);
      expect(user!.emailProvenAt !== null).toBe(proven.ok);
      expect(user!.deactivatedAt !== null).toBe(closed.ok);
    }
  });
});

describe('an email that someone else registered before', () => {
  let squatter: Awaited<ReturnType<typeof signUp>>;
  let token = '';

  beforeAll(async () => {
    squatter = await signUp({ phone: newPhone(), smsOptIn: true, tcpaConsent: true, name: 'Squatter' });
    const answer = await register(database.db, input({ email: squatter.email }), at(600));
    expect(answer).toEqual({ ok: false, reason: 'email_unproven', mailRetryAt: null });
    token = await readToken(database.db, squatter.email);
  });

  test('gets a mail with a link to a new account, and nothing changes before that is followed', async () => {
    const [mail] = await readMailsTo(database.db, squatter.email);
    expect(mail).toMatchObject({ template: 'claimEmail', userId: null, params: {} });
    expect(await readSession(database.db, squatter.sessionId, after(noon, 601))).not.toBeNull();
  });

  test('is not given to whoever has no link, or the link of another address', async () => {
    const other = await signUp();
    await register(database.db, input({ email: other.email }), at(610));
    const foreign = await readToken(database.db, other.email);
    const form = input({ email: squatter.email });
    expect(await register(database.db, form, at(611), { claim: foreign })).toEqual({
      ok: false,
      reason: 'claim',
      why: 'other_email',
    });
    expect(await register(database.db, form, at(611), { claim: 'made up' })).toEqual({
      ok: false,
      reason: 'claim',
      why: 'unknown',
    });
  });

  test('is given to whoever follows the link: a proven account that inherits nothing, and the earlier one closed', async () => {
    const { email, userId: earlierId, sessionId, phone } = squatter;
    const form = input({ email, password: 'another strong phrase', name: 'Owner' });
    const registered = await register(database.db, form, at(700), { claim: token });
    expect(registered).toMatchObject({ ok: true, next: 'dashboard' });
    const owner = (await findUserByEmail(database.db, email))!;
    expect(owner.id).not.toBe(earlierId);
    expect(owner).toMatchObject({ name: 'Owner', phone: null, emailProvenAt: after(noon, 700) });
    expect(await readSession(database.db, sessionId, after(noon, 701))).toBeNull();
    expect(await readUser(earlierId)).toMatchObject({
      email,
      name: 'Squatter',
      phone,
      deactivatedAt: after(noon, 700),
    });
    expect(await signIn(database.db, { email, password: squatter.password }, at(702))).toMatchObject({
      ok: false,
    });
    expect(await signIn(database.db, { email, password: 'another strong phrase' }, at(703))).toMatchObject({
      ok: true,
    });
    const consents = await database.db.select().from(smsConsents).where(eq(smsConsents.userId, earlierId));
    expect(consents.at(-1)).toMatchObject({ action: 'withdrawn', medium: 'account_claimed' });
    const waiting = await database.db.select().from(smsMessages).where(eq(smsMessages.userId, earlierId));
    expect(waiting.filter(({ status }) => status === 'queued')).toEqual([]);
  });

  test('is not given twice, and not again once it is proven', async () => {
    const form = input({ email: squatter.email });
    expect(await register(database.db, form, at(800), { claim: token })).toEqual({
      ok: false,
      reason: 'claim',
      why: 'used',
    });
    expect(await register(database.db, form, at(801))).toEqual({ ok: false, reason: 'email_taken' });
  });

  test('is given to exactly one of twenty who use the link at the same instant', async () => {
    const { email } = await signUp();
    await register(database.db, input({ email }), at(600));
    const link = await readToken(database.db, email);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => register(database.db, input({ email }), at(601), { claim: link })),
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    const accounts = await database.db.select().from(users).where(eq(users.email, email));
    expect(accounts.filter(({ deactivatedAt }) => deactivatedAt === null)).toHaveLength(1);
  });

  test('stays with an operator’s account and with one of staff', async () => {
    for (const role of ['broker', 'staff', 'admin'] as const) {
      const { email } = await givePerson(database.db, { active: true, role });
      expect(await register(database.db, input({ email }), at())).toEqual({
        ok: false,
        reason: 'email_taken',
      });
      expect(await readMailsTo(database.db, email)).toEqual([]);
    }
  });

  test('gets three mails an hour at most, and who asks is told when the next can go', async () => {
    const { email } = await signUp();
    const answers = [];
    for (let times = 1; times <= 4; times += 1) {
      answers.push(await register(database.db, input({ email }), at(times)));
    }
    expect(answers.map((answer) => !answer.ok && answer.reason)).toEqual(Array(4).fill('email_unproven'));
    expect(answers.at(-1)).toMatchObject({ mailRetryAt: after(noon, 3600) });
    expect(await readMailsTo(database.db, email)).toHaveLength(3);
  });
});
