import { and, desc, eq, inArray } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { answerTextCode, readCodesConsent } from '@/app/users/text-code-answer';
import { smsConsents } from '@/db/schema/consent';
import { currentWording } from '@/lib/consent/current-wording';
import { withdrawConsent } from '@/lib/consent/ledger';
import { phoneNumbers, signInCodes, smsEnteredCodes, smsMessages, smsVerifications } from '@/db/schema/sms';
import { readFactors } from '@/lib/accounts/factors';
import { findUser, setPhone, setRole } from '@/lib/accounts/users';
import { changePhoneByPassword, removePhoneByPassword } from '@/lib/auth/settings/change-phone-by-password';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { beginTotp } from '@/lib/auth/two-factor/enrollment';
import { giveSecondFactor } from '@/lib/auth/two-factor/second-factor';
import {
  beginSmsFactor,
  dropSmsFactor,
  finishSmsFactor,
  textConfirmation,
  textSecondStep,
} from '@/lib/auth/two-factor/sms-factor';
import { codesOf, ofSignIn, readOpenCode, readOpenCodes } from '@/lib/sms/verification/challenge';
import { mayRecoverByText } from '@/lib/sms/verification/send-recovery-codes';
import { lockNumber, readNumber } from '@/lib/sms/numbers/number';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { recordStatements, useDatabase } from '@/tests/support/database';
import { after, contextAt, newPhone, noon } from '@/tests/support/people';
import { withSettings } from '@/tests/support/settings';
import {
  enterCode,
  giveSettledPerson,
  openSession,
  password,
  readSessionOf,
  readTexts,
  type SettledPerson,
} from '@/tests/support/settled-person';

const database = useDatabase();
const at = (seconds = 0) => contextAt(after(noon, seconds));

async function codeOf(userId: string): Promise<string> {
  const [row] = await database.db.select().from(signInCodes).where(eq(signInCodes.userId, userId));
  return codesOf(ofSignIn(row!)!)[0]!;
}

const other = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

/** Someone who has a verified number, and codes by text as their only second factor. */
async function giveTexted(role: 'applicant' | 'broker' = 'broker') {
  const person = await giveSettledPerson(database.db, { role, factor: false });
  const user = await readSessionOf(database.db, person, noon);
  expect(await beginSmsFactor(database.db, user, at())).toEqual({ ok: true });
  const code = await codeOf(person.userId);
  expect(await finishSmsFactor(database.db, user, code, at(1))).toEqual({ ok: true });
  return person;
}

async function firstStep({ email }: SettledPerson, seconds = 60) {
  const signedIn = await signIn(database.db, { email, password }, at(seconds));
  if (!signedIn.ok || signedIn.next !== 'second_factor') throw new Error(JSON.stringify(signedIn));
  return signedIn.pendingToken;
}

const giveCode = (token: string, code: string, seconds: number) =>
  giveSecondFactor(
    database.db,
    { token, given: { kind: 'code', code }, trust: false, knownBrowser: null },
    at(seconds),
  );

describe('consent to codes that a STOP to updates has ended', () => {
  test('is asked for before a code to sign in goes out, and is recorded as it was given', async () => {
    const person = await giveTexted();
    const { userId, phone } = person;
    await database.db.transaction((tx) =>
      withdrawConsent(
        tx,
        { userId, phone: phone!, scopes: ['verification'], medium: 'sms_stop' },
        after(noon, 30),
      ),
    );
    const token = await firstStep(person);
    const texts = await readTexts(database.db, phone!);
    const ask = (seconds: number, agreedOn?: string) =>
      textSecondStep(database.db, token, at(seconds), agreedOn);
    expect(await ask(100)).toEqual({ ok: false, reason: 'no_consent', retryAt: null });
    expect(await readTexts(database.db, phone!)).toEqual(texts);
    expect(await ask(101, '/users/security/confirm')).toEqual({ ok: true });
    const [last] = await database.db
      .select()
      .from(smsConsents)
      .where(and(eq(smsConsents.userId, userId), eq(smsConsents.scope, 'verification')))
      .orderBy(desc(smsConsents.id))
      .limit(1);
    expect(last).toMatchObject({
      ...{ action: 'granted', medium: 'second_factor', phone, at: after(noon, 101) },
      page: '/users/security/confirm',
    });
    expect(await giveCode(token, await codeOf(userId), 110)).toMatchObject({ ok: true });
  });

  test('a form that ticks the box says which words it showed', () => {
    const form = new FormData();
    expect(readCodesConsent(form, '/here')).toEqual({ ok: true, agreedOn: null });
    form.set('tcpaConsent', 'on');
    expect(readCodesConsent(form, '/here')).toMatchObject({
      ok: false,
      answer: { fieldErrors: { tcpaConsent: expect.stringContaining('could not tell') as string } },
    });
    form.set('consentVersion', currentWording().version);
    expect(readCodesConsent(form, '/here')).toEqual({ ok: true, agreedOn: '/here' });
  });

  test('the answer has the box where consent is asked for, and names the number to text START to', () => {
    const answer = (refusal: Parameters<typeof answerTextCode>[0]) => answerTextCode(refusal, noon, null);
    expect(answer({ ok: false, reason: 'no_consent', retryAt: null }).fieldErrors.tcpaConsent).toContain(
      'we need your agreement',
    );
    const stopped = { ok: false, reason: 'stopped', retryAt: null } as const;
    expect(answer({ ...stopped, startPhone: '+12125550190' }).message).toContain('to (212) 555-0190');
    expect(answer({ ...stopped, startPhone: null }).message).toContain('the number our codes come from');
  });
});

describe('codes by text', () => {
  test('are a second factor once the first of them was entered, of the verified number', async () => {
    const { userId, sessionId, phone } = await giveTexted();
    expect(await readFactors(database.db, userId)).toEqual({ passkey: false, totp: false, sms: true });
    expect(await readSessionOf(database.db, { sessionId }, after(noon, 2))).toMatchObject({
      standing: 'open',
      secondFactorAt: after(noon, 1),
    });
    const [text] = await database.db
      .select()
      .from(smsMessages)
      .where(and(eq(smsMessages.userId, userId), eq(smsMessages.phone, phone!)));
    expect(text).toMatchObject({ purpose: 'verification', sendClass: 'sign_in' });
  });

  test('prove the number again when they are right, and Twilio is told of each', async () => {
    const person = await withSettings({ smsBackend: 'twilio' }, () => giveTexted());
    const doubt = { outOfServiceOn: '2026-11-19', deadTexts: [noon] };
    const number = () => readNumber(database.db, person.phone!);
    await database.db.update(phoneNumbers).set(doubt).where(eq(phoneNumbers.number, person.phone!));
    const token = await firstStep(person);
    expect(await textSecondStep(database.db, token, at(61))).toEqual({ ok: true });
    const code = await codeOf(person.userId);
    expect(await giveCode(token, other(code), 62)).toMatchObject({ reason: 'wrong_code' });
    expect(await number()).toMatchObject({ ...doubt, provenAgainAt: after(noon, 1) });
    await withSettings({ smsBackend: 'twilio' }, async () =>
      expect(await giveCode(token, code, 63)).toMatchObject({ ok: true }),
    );
    expect(await number()).toMatchObject({
      ...{ outOfServiceOn: null, deadTexts: [], provenAgainAt: after(noon, 63) },
      ...{ holderUserId: person.userId, heldSince: noon },
    });
    const texts = await readTexts(database.db, person.phone!);
    const told = await database.db
      .select()
      .from(smsEnteredCodes)
      .where(
        inArray(
          smsEnteredCodes.challengeId,
          texts.map(({ challengeId }) => challengeId!),
        ),
      );
    expect(told.map(({ enteredAt }) => enteredAt)).toEqual([after(noon, 1), after(noon, 63)]);
  });

  test('are looked at under the lock of their number, which is taken before the person’s', async () => {
    const person = await giveSettledPerson(database.db, { role: 'broker', factor: false });
    const user = await readSessionOf(database.db, person, noon);
    expect(await beginSmsFactor(database.db, user, at())).toEqual({ ok: true });
    const code = await codeOf(person.userId);
    const statements = await recordStatements(database.pool, () =>
      finishSmsFactor(database.db, user, code, at(1)),
    );
    const nth = (what: RegExp) => statements.findIndex((each) => what.test(each));
    const numberAt = nth(/from "phone_numbers".* for no key update/s);
    expect(numberAt).toBeGreaterThan(0);
    expect(numberAt).toBeLessThan(nth(/from "users".* for no key update/s));
  });

  test('sign in: each is right once, and for ten minutes', async () => {
    const person = await giveTexted();
    const token = await firstStep(person);
    expect(await textSecondStep(database.db, token, at(61))).toEqual({ ok: true });
    const code = await codeOf(person.userId);
    expect(await giveCode(token, other(code), 62)).toMatchObject({ reason: 'wrong_code' });
    expect(await giveCode(token, code, 63)).toMatchObject({ ok: true });
    expect(await giveCode(await firstStep(person, 64), code, 65)).toMatchObject({ reason: 'wrong_code' });
    const late = await firstStep(person, 1000);
    expect(await textSecondStep(database.db, late, at(1000))).toEqual({ ok: true });
    expect(await giveCode(await firstStep(person, 1590), await codeOf(person.userId), 1601)).toMatchObject({
      reason: 'wrong_code',
    });
  });

  test('are sent again after thirty seconds, the same one, and three times an hour at most', async () => {
    const person = await giveTexted();
    const token = await firstStep(person);
    const text = (seconds: number) => textSecondStep(database.db, token, at(seconds));
    expect(await text(61)).toEqual({ ok: true });
    const code = await codeOf(person.userId);
    expect(await text(70)).toMatchObject({ reason: 'too_soon', retryAt: after(noon, 91) });
    // While the first waits in the line, it is the one that comes.
    const counted = async () => (await readNumber(database.db, person.phone!))!.signInSends.length;
    const before = await counted();
    expect(await text(91)).toEqual({ ok: true });
    expect(await counted()).toBe(before);
    expect(await text(92)).toMatchObject({ reason: 'too_soon', retryAt: after(noon, 121) });
    await database.db.update(smsMessages).set({ status: 'sent', attempts: 1 });
    expect(await text(122)).toEqual({ ok: true });
    expect(await counted()).toBe(before + 1);
    expect(await codeOf(person.userId)).toBe(code);
    await database.db.update(smsMessages).set({ status: 'sent', attempts: 1 });
    expect(await text(160)).toMatchObject({ reason: 'send_limit' });
    // Nothing of it counts where strangers ask for codes to prove the number.
    expect((await readNumber(database.db, person.phone!))!).toMatchObject({
      proveSends: [],
      proveAgainSends: [],
    });
  });

  test('go nowhere after a STOP, for another account, or without a first step', async () => {
    const person = await giveTexted();
    const token = await firstStep(person);
    expect(await textSecondStep(database.db, null, at(61))).toEqual({ ok: false, reason: 'over' });
    expect(await textSecondStep(database.db, 'x'.repeat(43), at(61))).toEqual({ ok: false, reason: 'over' });
    const stranger = await giveSettledPerson(database.db, { phone: null });
    const theirs = await readSessionOf(database.db, stranger, noon);
    expect(await textConfirmation(database.db, theirs, at(61))).toMatchObject({ reason: 'not_held' });
    await database.db.transaction(async (tx) => {
      await lockNumber(tx, person.phone!);
      const said = { sender: null, words: 'STOP', providerSid: null };
      await optOut(tx, { phone: person.phone!, by: 'sms_stop', now: after(noon, 62), said });
    });
    expect(await textSecondStep(database.db, token, at(63))).toMatchObject({ reason: 'stopped' });
  });

  test('do not end the code of a number that is being changed, nor the other way round', async () => {
    const person = await giveTexted('applicant');
    const change = { phone: newPhone(), currentPassword: '' };
    expect(await changePhoneByPassword(database.db, person, change, at(10))).toEqual({ ok: true });
    const token = await firstStep(person);
    expect(await textSecondStep(database.db, token, at(61))).toEqual({ ok: true });
    const open = await database.db
      .select()
      .from(smsVerifications)
      .where(eq(smsVerifications.userId, person.userId));
    expect(open.at(-1)).toMatchObject({ endedAt: null, consumedAt: null });
    expect(await enterCode(database.db, person, after(noon, 70))).toMatchObject({ ok: true });
    // Codes go to the new number from now on.
    expect(await readFactors(database.db, person.userId)).toMatchObject({ sms: true });
  });

  test('end with the number: when someone else proves it', async () => {
    const person = await giveTexted('applicant');
    await database.db
      .update(phoneNumbers)
      .set({ holderUserId: null })
      .where(eq(phoneNumbers.number, person.phone!));
    expect(await readFactors(database.db, person.userId)).toMatchObject({ sms: false });
  });

  test('are never enough for an admin, and a broker who becomes one has to set up more', async () => {
    const admin = await giveSettledPerson(database.db, { role: 'admin', factor: false });
    const user = await readSessionOf(database.db, admin, noon);
    expect(await beginSmsFactor(database.db, user, at())).toEqual({ ok: false, reason: 'not_for_admins' });
    const broker = await giveTexted();
    await database.db.transaction((tx) => setRole(tx, broker.userId, 'admin'));
    expect(await readFactors(database.db, broker.userId)).toMatchObject({ sms: false });
    // The password alone asks for no code, and opens nothing but the setup, by a link.
    const { email } = broker;
    expect(await signIn(database.db, { email, password }, at(61))).toMatchObject({ reason: 'must_enroll' });
    const session = await openSession(database.db, broker.userId, after(noon, 63), {
      enrollUntil: after(noon, 3600),
    });
    const promoted = await readSessionOf(database.db, session, after(noon, 64));
    expect(promoted.standing).toBe('enroll');
    expect(await beginTotp(database.db, promoted, at(65))).toEqual({ ok: true });
  });

  test('stay while they are all that a broker has, and an applicant may turn them off', async () => {
    const broker = await giveTexted();
    const user = await readSessionOf(database.db, broker, after(noon, 2));
    expect(await dropSmsFactor(database.db, user, at(3))).toEqual({ ok: false, reason: 'last_factor' });
    const applicant = await giveTexted('applicant');
    const theirs = await readSessionOf(database.db, applicant, after(noon, 2));
    expect(await dropSmsFactor(database.db, theirs, at(3))).toEqual({ ok: true });
    // There is nothing left to turn off, and nothing to tell.
    const told = () => database.db.$count(smsMessages, eq(smsMessages.userId, applicant.userId));
    const before = await told();
    expect(await dropSmsFactor(database.db, theirs, at(4))).toEqual({
      ok: false,
      reason: 'refused',
      why: 'gone',
    });
    expect(await told()).toBe(before);
  });

  test('are not lost with the number: it stays while they are all that a broker has, and another takes its place', async () => {
    const broker = await giveTexted();
    const { userId, email, sessionId, phone } = broker;
    const owner = { userId, email, sessionId, phone };
    expect(await removePhoneByPassword(database.db, owner, { currentPassword: password }, at(3))).toEqual({
      ok: false,
      reason: 'last_factor',
    });
    const next = newPhone();
    await database.db.transaction((tx) => setPhone(tx, userId, next));
    expect(await readFactors(database.db, userId)).toMatchObject({ sms: false });
    await database.db.insert(phoneNumbers).values({ number: next, holderUserId: userId, heldSince: noon });
    expect(await readFactors(database.db, userId)).toMatchObject({ sms: true });
  });

  test('are no way to a new password, whatever other factors there are', async () => {
    const person = await giveTexted('applicant');
    const [user, number] = [
      (await findUser(database.db, person.userId))!,
      (await readNumber(database.db, person.phone!))!,
    ];
    const held = await readFactors(database.db, person.userId);
    expect(mayRecoverByText(user, number, held, noon)).toBe(false);
    expect(mayRecoverByText(user, number, { ...held, totp: true, passkey: true }, noon)).toBe(false);
    expect(mayRecoverByText(user, number, { ...held, sms: false }, noon)).toBe(true);
  });

  test('are known to the dispatcher and to the record, which hides them', async () => {
    const person = await giveTexted();
    await textSecondStep(database.db, await firstStep(person), at(61));
    const [row] = await database.db.select().from(signInCodes).where(eq(signInCodes.userId, person.userId));
    const code = await codeOf(person.userId);
    expect(await readOpenCode(database.db, row!.id, after(noon, 62))).toMatchObject({ code });
    expect(await readOpenCodes(database.db, person.phone!, after(noon, 62))).toContain(code);
  });
});
