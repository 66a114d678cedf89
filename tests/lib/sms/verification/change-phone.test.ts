import { randomUUID } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { users } from '@/db/schema/accounts';
import { smsMessages } from '@/db/schema/sms';
import { endSession } from '@/lib/accounts/sessions';
import { readStandingConsent } from '@/lib/consent/ledger';
import { readLastChallenge, isOpen } from '@/lib/sms/verification/challenge';
import {
  cancelPhoneChange,
  startPhoneChange,
  readPhoneChange,
  removePhone,
} from '@/lib/sms/verification/change-phone';
import { readNumber } from '@/lib/sms/numbers/number';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { enqueueText } from '@/lib/sms/outbox/text-outbox';
import { replacePendingPhone } from '@/lib/sms/verification/send-code';
import { useDatabase } from '../../../support/database';
import { after, contextAt, newPhone, noon, readUserRow } from '../../../support/people';
import { enterCode, giveSettledPerson, readTexts, type SettledPerson } from '../../../support/settled-person';
import { askPolicy, makeEnv } from '../../../support/texts';

const database = useDatabase();
const dayTime = new Date('2026-11-20T17:00:00Z');
const both = new Set(['verification', 'updates']);

async function holder(phone: string): Promise<string | null> {
  return (await readNumber(database.db, phone))?.holderUserId ?? null;
}

describe('changing a proven number', () => {
  test('keeps the old one working until the new one is proven, and moves everything then', async () => {
    const person = await giveSettledPerson(database.db);
    const old = person.phone!;
    const next = newPhone();
    const { userId } = person;
    const update = await enqueueText(database.db, {
      userId,
      phone: old,
      purpose: 'update',
      template: 'applicationStatus',
      params: { url: 'http://localhost' },
      sendAfter: after(noon, 3600),
      now: noon,
    });
    expect(await startPhoneChange(database.db, person, next, contextAt(noon))).toEqual({ ok: true });
    expect(await readUserRow(database.db, userId)).toMatchObject({ phone: old });
    expect(await holder(old)).toBe(userId);
    expect(await readStandingConsent(database.db, { userId, phone: old })).toEqual(both);
    expect(await readPhoneChange(database.db, person, noon)).toEqual({ phone: next, open: true });

    expect(await enterCode(database.db, person, after(noon, 60))).toEqual({
      ok: true,
      grant: null,
      proven: true,
    });
    expect(await readUserRow(database.db, userId)).toMatchObject({ phone: next });
    expect(await holder(old)).toBeNull();
    expect(await holder(next)).toBe(userId);
    expect(await readStandingConsent(database.db, { userId, phone: old })).toEqual(new Set());
    expect(await readStandingConsent(database.db, { userId, phone: next })).toEqual(both);
    const moved = (await readTexts(database.db, next)).find((text) => text.id === update!.id);
    expect(moved).toMatchObject({ status: 'queued', phone: next });
  });

  test('tells the old number, and the send policy lets just that text pass', async () => {
    const person = await giveSettledPerson(database.db);
    const old = person.phone!;
    await startPhoneChange(database.db, person, newPhone(), contextAt(dayTime));
    await enterCode(database.db, person, after(dayTime, 60));
    const [notice] = (await readTexts(database.db, old)).filter((text) => text.status === 'queued');
    expect(notice).toMatchObject({ template: 'phoneChanged', purpose: 'notice' });
    const moment = { now: after(dayTime, 120), env: makeEnv(database.url) };
    expect(await askPolicy(database.db, notice!, moment)).toMatchObject({ answer: 'send' });
    const wishedForAt = (at: Date) =>
      database.db.update(smsMessages).set({ createdAt: at }).where(eq(smsMessages.id, notice!.id));
    await wishedForAt(after(dayTime, 600));
    expect(await askPolicy(database.db, notice!, moment)).toMatchObject({
      answer: 'refuse',
      reason: 'no_consent',
    });
    await wishedForAt(notice!.createdAt);
    await database.db.transaction((tx) =>
      optOut(tx, { phone: old, by: 'sms_stop', now: after(dayTime, 100) }),
    );
    expect(await askPolicy(database.db, notice!, moment)).toMatchObject({
      answer: 'refuse',
      reason: 'stopped',
    });
  });

  test('to yet another number ends the challenge and the consent of the one before', async () => {
    const person = await giveSettledPerson(database.db);
    const [first, second] = [newPhone(), newPhone()];
    await startPhoneChange(database.db, person, first, contextAt(noon));
    const before = await readLastChallenge(database.db, person.userId, after(dayTime, 60));
    await startPhoneChange(database.db, person, second, contextAt(after(noon, 60)));
    const challenge = await readLastChallenge(database.db, person.userId, after(dayTime, 60));
    expect(challenge).toMatchObject({ phone: second });
    expect(challenge!.id).not.toBe(before!.id);
    const { rows } = await database.pool.query('select ended_at from sms_verifications where id = $1', [
      before!.id,
    ]);
    expect(rows[0]!.ended_at).not.toBeNull();
    expect((await readTexts(database.db, first)).map((text) => text.status)).toEqual(['canceled']);
    expect(await readStandingConsent(database.db, { userId: person.userId, phone: first })).toEqual(
      new Set(),
    );
    expect(await holder(person.phone!)).toBe(person.userId);
  });

  test('can be given up: the number stays, and the code that was sent is worth nothing', async () => {
    const person = await giveSettledPerson(database.db);
    const next = newPhone();
    await startPhoneChange(database.db, person, next, contextAt(noon));
    await cancelPhoneChange(database.db, person, contextAt(after(noon, 10)));
    expect(await readPhoneChange(database.db, person, after(noon, 10))).toBeNull();
    expect(await enterCode(database.db, person, after(noon, 20))).toMatchObject({
      ok: false,
      reason: 'no_challenge',
    });
    expect(await holder(next)).toBeNull();
    expect(await readStandingConsent(database.db, { userId: person.userId, phone: next })).toEqual(new Set());
    expect(await readUserRow(database.db, person.userId)).toMatchObject({ phone: person.phone });
  });

  test('is not possible on the code page, which asks for no password', async () => {
    const person = await giveSettledPerson(database.db);
    const next = newPhone();
    await startPhoneChange(database.db, person, next, contextAt(noon));
    const prover = { ...person, purpose: 'prove' as const, phone: next, changesFrom: person.phone };
    expect(await replacePendingPhone(database.db, prover, newPhone(), contextAt(after(noon, 40)))).toEqual({
      ok: false,
      reason: 'number_proven',
    });
  });

  test('to a number that has opted out changes nothing', async () => {
    const person = await giveSettledPerson(database.db);
    const next = newPhone();
    await database.db.transaction((tx) => optOut(tx, { phone: next, by: 'sms_stop', now: noon }));
    expect(await startPhoneChange(database.db, person, next, contextAt(noon))).toMatchObject({
      ok: false,
      reason: 'stopped',
    });
    expect(await readPhoneChange(database.db, person, noon)).toBeNull();
    expect(await readStandingConsent(database.db, { userId: person.userId, phone: next })).toEqual(new Set());
  });

  test('to the number that it is already is refused', async () => {
    const person = await giveSettledPerson(database.db);
    expect(await startPhoneChange(database.db, person, person.phone!, contextAt(noon))).toMatchObject({
      ok: false,
      reason: 'same_number',
    });
  });

  test('decided on by a page that shows an earlier number is refused', async () => {
    const person = await giveSettledPerson(database.db);
    const stale = { ...person, phone: newPhone() };
    expect(await startPhoneChange(database.db, stale, newPhone(), contextAt(noon))).toMatchObject({
      ok: false,
      reason: 'changed_meanwhile',
    });
    expect(await removePhone(database.db, stale, contextAt(noon))).toEqual({
      ok: false,
      reason: 'changed_meanwhile',
    });
    expect(await holder(person.phone!)).toBe(person.userId);
  });
});

test('a number is neither changed nor removed by a session that is over, nor within 72 hours of a reset', async () => {
  const person = await giveSettledPerson(database.db);
  const waiting = newPhone();
  await startPhoneChange(database.db, person, waiting, contextAt(noon));
  const each = [
    () => startPhoneChange(database.db, person, newPhone(), contextAt(after(noon, 60))),
    () => removePhone(database.db, person, contextAt(after(noon, 60))),
  ];
  await database.db.update(users).set({ recoveredAt: noon }).where(eq(users.id, person.userId));
  const retryAt = after(noon, 72 * 3600);
  for (const change of each) {
    expect(await change()).toEqual({ ok: false, reason: 'recovered_lately', retryAt });
  }
  await endSession(database.db, person.sessionId);
  for (const change of each) expect(await change()).toMatchObject({ ok: false, reason: 'not_open' });
  await cancelPhoneChange(database.db, person, contextAt(after(noon, 60)));
  expect(await readPhoneChange(database.db, person, after(noon, 61))).toEqual({ phone: waiting, open: true });
  expect(await holder(person.phone!)).toBe(person.userId);
});

describe('adding a first number', () => {
  test('takes consent to codes alone, and leaves it to be proven', async () => {
    const person = await giveSettledPerson(database.db, { phone: null });
    const phone = newPhone();
    expect(await startPhoneChange(database.db, person, phone, contextAt(noon))).toEqual({ ok: true });
    expect(await readUserRow(database.db, person.userId)).toMatchObject({ phone });
    expect(await holder(phone)).toBeNull();
    expect(await readStandingConsent(database.db, { userId: person.userId, phone })).toEqual(
      new Set(['verification']),
    );
    expect(await enterCode(database.db, person, after(noon, 5))).toEqual({
      ok: true,
      grant: null,
      proven: true,
    });
    expect(await holder(phone)).toBe(person.userId);
  });

  test('from two pages at the same instant gives the account one of them', async () => {
    const person = await giveSettledPerson(database.db, { phone: null });
    const answers = await Promise.all(
      [newPhone(), newPhone()].map((phone) => startPhoneChange(database.db, person, phone, contextAt(noon))),
    );
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
    expect(answers.find((answer) => !answer.ok)).toMatchObject({ reason: 'changed_meanwhile' });
  });
});

describe('removing a number', () => {
  test('ends its proof, consent, challenges and waiting texts, frees it, and tells it', async () => {
    const person = await giveSettledPerson(database.db);
    const phone = person.phone!;
    const next = newPhone();
    await startPhoneChange(database.db, person, next, contextAt(dayTime));
    expect(await removePhone(database.db, person, contextAt(after(dayTime, 60)))).toEqual({ ok: true });
    expect(await readUserRow(database.db, person.userId)).toMatchObject({ phone: null });
    expect(await holder(phone)).toBeNull();
    for (const each of [phone, next]) {
      expect(await readStandingConsent(database.db, { userId: person.userId, phone: each })).toEqual(
        new Set(),
      );
    }
    const challenge = await readLastChallenge(database.db, person.userId, after(dayTime, 60));
    expect(isOpen(challenge!, after(dayTime, 60))).toBe(false);
    expect((await readTexts(database.db, next)).map((text) => text.status)).toEqual(['canceled']);
    const [notice] = (await readTexts(database.db, phone)).filter((text) => text.status === 'queued');
    const moment = { now: after(dayTime, 120), env: makeEnv(database.url) };
    expect(await askPolicy(database.db, notice!, moment)).toMatchObject({ answer: 'send' });
  });
});

test.each(['removed', 'replaced'] as const)(
  'a warning that waits for a number still goes there when it is %s; nothing else does',
  async (how) => {
    const person = await giveSettledPerson(database.db);
    const { userId } = person;
    const phone = person.phone!;
    const wish = { userId, phone, sendAfter: dayTime, now: dayTime };
    const url = 'http://localhost';
    const event = 'your password was changed';
    const warning = { purpose: 'notice', template: 'securityNotice', params: { event, url } } as const;
    const warned = await enqueueText(database.db, { ...wish, ...warning });
    const link = { url, linkId: randomUUID(), linkNonce: 'nonce' };
    const reset = { purpose: 'notice', template: 'resetFactors', params: link } as const;
    const others = [
      await enqueueText(database.db, { ...wish, ...reset }),
      await enqueueText(database.db, { ...wish, purpose: 'test', template: 'test', params: {} }),
    ];
    if (how === 'removed') await removePhone(database.db, person, contextAt(after(dayTime, 60)));
    else {
      await startPhoneChange(database.db, person, newPhone(), contextAt(dayTime));
      expect(await enterCode(database.db, person, after(dayTime, 60))).toMatchObject({ ok: true });
    }
    const texts = await readTexts(database.db, phone);
    for (const other of others) {
      expect(texts.find(({ id }) => id === other!.id)).toMatchObject({ status: 'canceled' });
    }
    const moment = { now: after(dayTime, 120), env: makeEnv(database.url) };
    const left = texts.find(({ id }) => id === warned!.id)!;
    expect(await askPolicy(database.db, left, moment)).toMatchObject({ answer: 'send' });
    expect(left.status).toBe('queued');
  },
);

describe('an account that names one number after the other', () => {
  const dayMs = 24 * 3600 * 1000;
  const name = (person: SettledPerson, phone: string, seconds: number) =>
    startPhoneChange(database.db, person, phone, contextAt(after(noon, seconds)));

  test('may name ten a day, in the settings and on the code page together, and is told when it may name the next', async () => {
    const person = await giveSettledPerson(database.db, { phone: null });
    const named: string[] = [];
    let current: string | null = null;
    for (let count = 0; count < 10; count += 1) {
      const next = newPhone();
      const owner = { ...person, phone: current };
      if (count % 2 === 0) expect(await name(owner, next, count)).toEqual({ ok: true });
      else {
        const prover = { ...owner, purpose: 'prove' as const };
        const replaced = await replacePendingPhone(database.db, prover, next, contextAt(after(noon, count)));
        expect(replaced).toMatchObject({ ok: true, refusal: null });
      }
      named.push(next);
      current = next;
    }
    const owner = { ...person, phone: current };
    const refused = { ok: false, reason: 'many_numbers', retryAt: new Date(noon.getTime() + dayMs) };
    const next = newPhone();
    expect(await name(owner, next, 60)).toEqual(refused);
    const prover = { ...owner, purpose: 'prove' as const };
    expect(await replacePendingPhone(database.db, prover, next, contextAt(after(noon, 61)))).toEqual(refused);
    expect(await readUserRow(database.db, person.userId)).toMatchObject({ phone: current });
    expect(await readStandingConsent(database.db, { userId: person.userId, phone: next })).toEqual(new Set());
    // One that was named before is no new one.
    expect(await name(owner, named[8]!, 120)).toEqual({ ok: true });
    expect(await name({ ...person, phone: named[8]! }, next, 24 * 3600)).toEqual({ ok: true });
  });

  test('spends what is its own: another account may name the same ones', async () => {
    const one = await giveSettledPerson(database.db, { phone: null });
    let current: string | null = null;
    for (let count = 0; count < 10; count += 1) {
      const next = newPhone();
      await name({ ...one, phone: current }, next, count);
      current = next;
    }
    const other = await giveSettledPerson(database.db, { phone: null });
    expect(await name(other, current!, 60)).toEqual({ ok: true });
  });
});
