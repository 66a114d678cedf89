import { eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { issuePendingToken } from '@/lib/accounts/pending';
import { phoneNumbers, smsMessages } from '@/db/schema/sms';
import { findUserByEmail } from '@/lib/accounts/users';
import { register } from '@/lib/auth/registration/register';
import { readLastChallenge } from '@/lib/sms/verification/challenge';
import { lockNumber, readNumber, takeSend } from '@/lib/sms/numbers/number';
import { cancelTexts } from '@/lib/sms/outbox/text-outbox';
import { sendCode } from '@/lib/sms/verification/send-code';
import { skipVerification } from '@/lib/sms/verification/skip-verification';
import { checkCode } from '@/lib/sms/verification/check-code';
import { type ProverHere } from '@/lib/sms/verification/prover';
import { readVerificationState } from '@/lib/sms/verification/state';
import { releaseTogether } from '@/tests/support/barrier';
import { useDatabase } from '@/tests/support/database';
import {
  after,
  contextAt,
  givePending,
  givePerson,
  newEmail,
  newPhone,
  noon,
  readCode,
  wrongCodes,
} from '@/tests/support/people';
import { openSession } from '@/tests/support/settled-person';

const database = useDatabase();

type Person = ProverHere & { phone: string };

/** Someone who may ask for codes to a number, and has not yet. */
async function giveAsker(phone: string): Promise<Person> {
  const { userId } = await givePerson(database.db, { active: false, phone, agreed: true });
  const readFrom = { pendingToken: await issuePendingToken(database.db, userId, noon) };
  return { userId, role: 'applicant', phone, purpose: 'activate', readFrom };
}

/** The proven holder of a number, signed in. */
async function giveHolder(phone: string): Promise<Person> {
  const { userId } = await givePerson(database.db, { active: true, phone, agreed: true });
  const held = { number: phone, holderUserId: userId, heldSince: noon };
  await database.db
    .insert(phoneNumbers)
    .values(held)
    .onConflictDoUpdate({ target: phoneNumbers.number, set: held });
  const readFrom = await openSession(database.db, userId, noon);
  return { userId, role: 'applicant', phone, purpose: 'prove', readFrom };
}

const ask = (person: Person, seconds: number, address?: string) =>
  sendCode(database.db, person, contextAt(after(noon, seconds), address));

async function guessWrong(person: Person, howMany: number, seconds: number): Promise<string[]> {
  const reasons: string[] = [];
  for (const guess of wrongCodes(await readCode(database.db, person.userId), howMany)) {
    const checked = await checkCode(database.db, person, guess, contextAt(after(noon, seconds)));
    reasons.push(checked.ok ? 'right' : checked.reason);
  }
  return reasons;
}

/** Three strangers use up the hour of a number and, with five wrong codes each, its day. */
async function spendAsStrangers(phone: string): Promise<Person[]> {
  const strangers: Person[] = [];
  for (const second of [0, 1, 2]) {
    const stranger = await giveAsker(phone);
    expect(await ask(stranger, second)).toEqual({ ok: true });
    await guessWrong(stranger, 5, 10 + second);
    strangers.push(stranger);
  }
  return strangers;
}

describe('the classes of a number', () => {
  test('strangers who use up its sends and its tries spend none of its holder’s', async () => {
    const phone = newPhone();
    const holder = await giveHolder(phone);
    await spendAsStrangers(phone);
    const stranger = await giveAsker(phone);
    expect(await ask(stranger, 60)).toMatchObject({ ok: false, reason: 'number_locked' });

    expect(await ask(holder, 60)).toEqual({ ok: true });
    expect(await guessWrong(holder, 1, 61)).toEqual(['wrong_code']);
    const state = await readVerificationState(database.db, holder, after(noon, 62));
    expect(state).toMatchObject({
      tries: { remaining: 4, retryAt: null },
      sends: { remaining: 2 },
      byOthers: false,
    });
    const code = await readCode(database.db, holder.userId);
    expect(await checkCode(database.db, holder, code, contextAt(after(noon, 63)))).toMatchObject({
      ok: true,
    });
  });

  test('a holder who uses up theirs spends none of a stranger’s', async () => {
    const phone = newPhone();
    const holder = await giveHolder(phone);
    for (const second of [0, 100, 200]) {
      expect(await ask(holder, second)).toEqual({ ok: true });
      await guessWrong(holder, 5, second + 50);
    }
    expect(await ask(holder, 300)).toEqual({
      ok: false,
      reason: 'number_locked',
      retryAt: after(noon, 50 + 24 * 3600),
    });
    const stranger = await giveAsker(phone);
    expect(await ask(stranger, 300)).toEqual({ ok: true });
    expect(await guessWrong(stranger, 5, 301)).toEqual(Array(5).fill('wrong_code'));
    const number = await readNumber(database.db, phone);
    expect(number!.proveAgainFailures).toHaveLength(15);
    expect(number!.proveFailures).toHaveLength(5);
  });

  test.each(['prove', 'prove_again', 'sign_in', 'recover'] as const)(
    'of fifty sends of the class %s at the same instant three are let through, whatever the others have spent',
    async (sendClass) => {
      const phone = newPhone();
      const others = (['prove', 'prove_again', 'sign_in', 'recover'] as const).filter(
        (each) => each !== sendClass,
      );
      const take = (each: typeof sendClass) =>
        database.db.transaction(async (tx) => takeSend(tx, await lockNumber(tx, phone), each, noon));
      for (const each of others) for (let i = 0; i < 4; i += 1) await take(each);
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => take(sendClass)));
      expect(outcomes.filter(({ ok }) => ok)).toHaveLength(3);
      expect(outcomes.find(({ ok }) => !ok)).toEqual({ ok: false, retryAt: after(noon, 3600) });
    },
  );

  test('a wrong code counts where its challenge was opened, though the number has another holder by then', async () => {
    const phone = newPhone();
    const holder = await giveHolder(phone);
    await ask(holder, 0);
    await database.db
      .update(phoneNumbers)
      .set({ holderUserId: null, heldSince: null })
      .where(eq(phoneNumbers.number, phone));
    await guessWrong(holder, 2, 10);
    await database.db.update(smsMessages).set({ status: 'sent', attempts: 1 });
    // Sent again, it is the same challenge, and the same class.
    expect(await ask(holder, 40)).toEqual({ ok: true });
    let number = await readNumber(database.db, phone);
    expect(number).toMatchObject({ proveFailures: [], proveSends: [], strangerActs: [] });
    expect(number!.proveAgainFailures).toHaveLength(2);
    expect(number!.proveAgainSends).toHaveLength(2);
    // A new challenge is a stranger's.
    expect(await ask(holder, 700)).toEqual({ ok: true });
    number = await readNumber(database.db, phone);
    expect(number!.proveSends).toEqual([after(noon, 700)]);
    expect((await readLastChallenge(database.db, holder.userId, noon))!.sendClass).toBe('prove');
  });

  test('a send stops counting in the class it was counted in, no matter who holds the number by then', async () => {
    const phone = newPhone();
    const holder = await giveHolder(phone);
    const stranger = await giveAsker(phone);
    await ask(stranger, 0);
    await ask(holder, 0);
    await database.db.update(phoneNumbers).set({ holderUserId: null }).where(eq(phoneNumbers.number, phone));
    await database.db.transaction((tx) =>
      cancelTexts(tx, { userId: holder.userId }, 'number_moved', after(noon, 1)),
    );
    expect(await readNumber(database.db, phone)).toMatchObject({ proveSends: [noon], proveAgainSends: [] });
    expect((await readNumber(database.db, phone))!.strangerActs).toHaveLength(1);
    await database.db.transaction((tx) =>
      cancelTexts(tx, { userId: stranger.userId }, 'number_moved', after(noon, 1)),
    );
    expect(await readNumber(database.db, phone)).toMatchObject({ proveSends: [], strangerActs: [] });
  });

  test('what was counted before there were classes is a stranger’s, and so are its texts and challenges', async () => {
    const phone = newPhone();
    await database.pool.query(
      `insert into phone_numbers (number, prove_sends, failures) values ($1, array[$2::timestamptz], array[$2::timestamptz])`,
      [phone, noon],
    );
    const { userId } = await givePerson(database.db, { active: false, phone, agreed: true });
    await database.pool.query(
      `insert into sms_messages (id, user_id, phone, purpose, template, counted_at, created_at, send_after)
       values (gen_random_uuid(), $1, $2, 'verification', 'verification', $3, $3, $3)`,
      [userId, phone, noon],
    );
    expect((await readNumber(database.db, phone))!.proveFailures).toEqual([noon]);
    await database.db.transaction((tx) => cancelTexts(tx, { userId }, 'stopped', after(noon, 1)));
    expect((await readNumber(database.db, phone))!.proveSends).toEqual([]);
    await database.pool.query(
      `insert into sms_verifications (id, user_id, phone, purpose, nonce, created_at, expires_at, last_sent_at)
       values (gen_random_uuid(), $1, $2, 'activate', '\\x00', $3, $3, $3)`,
      [userId, phone, noon],
    );
    expect((await readLastChallenge(database.db, userId, noon))!.sendClass).toBe('prove');
  });
});

describe('accounts of one network', () => {
  test.each([
    ['one IPv4 address', () => '198.51.100.7'],
    ['one /48 of IPv6', (nth: number) => `2001:db8:5:${nth}::${nth}`],
  ])('the third within an hour, from %s, gets no code to the same number', async (_what, addressOf) => {
    const phone = newPhone();
    const people = [await giveAsker(phone), await giveAsker(phone), await giveAsker(phone)];
    expect(await ask(people[0]!, 0, addressOf(1))).toEqual({ ok: true });
    expect(await ask(people[1]!, 10, addressOf(2))).toEqual({ ok: true });
    const third = await ask(people[2]!, 20, addressOf(3));
    const refusal = { reason: 'network_asked', retryAt: after(noon, 3600), byOthers: true };
    expect(third).toEqual({ ok: false, ...refusal });
    // It was not charged: someone elsewhere has the send.
    expect((await readNumber(database.db, phone))!.proveSends).toHaveLength(2);
    expect(await ask(await giveAsker(phone), 20, '203.0.113.4')).toEqual({ ok: true });
    expect(await ask(people[2]!, 3599, addressOf(3))).toMatchObject({ reason: 'network_asked' });
    expect(await ask(people[2]!, 3600, addressOf(3))).toEqual({ ok: true });
  });

  test('of forty at the same instant two are sent a code', async () => {
    const phone = newPhone();
    const people = await Promise.all(Array.from({ length: 40 }, () => giveAsker(phone)));
    await database.db.transaction((tx) => lockNumber(tx, phone));
    // More than twenty at once from one address are refused before; a /48 lets them through.
    const outcomes = await releaseTogether(
      database.pool,
      `select 1 from phone_numbers where number = '${phone}' for update`,
      30,
      people.map((person, nth) => () => ask(person, 0, `2001:db8:40:${(nth * 256).toString(16)}::1`)),
    );
    const answers = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : null));
    expect(answers.filter((answer) => answer?.ok)).toHaveLength(2);
    expect(
      answers.filter((answer) => answer && !answer.ok && answer.reason === 'network_asked'),
    ).toHaveLength(38);
  });

  test('an account that has asked may ask again, and another number is not concerned', async () => {
    const phone = newPhone();
    const [one, two, three] = [await giveAsker(phone), await giveAsker(phone), await giveAsker(newPhone())];
    expect(await ask(one, 0, '198.51.100.8')).toEqual({ ok: true });
    expect(await ask(two, 0, '198.51.100.8')).toEqual({ ok: true });
    expect(await ask(one, 40, '198.51.100.8')).toEqual({ ok: true });
    expect(await ask(three, 40, '198.51.100.8')).toEqual({ ok: true });
  });

  test('the holder behind the same address is not concerned either', async () => {
    const phone = newPhone();
    const holder = await giveHolder(phone);
    for (const second of [0, 1]) await ask(await giveAsker(phone), second, '198.51.100.9');
    expect(await ask(holder, 2, '198.51.100.9')).toEqual({ ok: true });
  });

  test('the refusal names the later moment when the number’s hour is used up as well', async () => {
    const phone = newPhone();
    const [one, two] = [await giveAsker(phone), await giveAsker(phone)];
    await ask(one, 0, '198.51.100.10');
    await database.db.update(smsMessages).set({ status: 'sent', attempts: 1 });
    await ask(one, 60, '198.51.100.10');
    await ask(two, 100, '198.51.100.10');
    expect(await ask(await giveAsker(phone), 200, '198.51.100.10')).toEqual({
      ok: false,
      reason: 'network_asked',
      retryAt: after(noon, 3660),
      byOthers: true,
    });
    expect(await ask(await giveAsker(phone), 200, '203.0.113.10')).toEqual({
      ok: false,
      reason: 'send_limit',
      retryAt: after(noon, 3600),
      byOthers: true,
    });
  });

  test('who registers the same email again is the same account', async () => {
    const [email, phone] = [newEmail(), newPhone()];
    const input = {
      email,
      name: 'Test Person',
      password: 'violet otter cactus',
      phone,
      smsOptIn: false,
      verifyPhone: true,
      tcpaConsent: true,
      timeZone: null,
    };
    let pendingToken: string | null = null;
    for (const second of [0, 1, 2]) {
      const context = contextAt(after(noon, second), '198.51.100.11');
      const registered = await register(database.db, input, context, { pendingToken });
      if (!registered.ok || registered.next !== 'verify') throw new Error('Not to be verified');
      pendingToken = registered.pendingToken;
      // Each text goes out, so that its send still counts.
      await database.db.update(smsMessages).set({ status: 'sent' }).where(eq(smsMessages.phone, phone));
    }
    const number = await readNumber(database.db, phone);
    expect(number!.proveSends).toHaveLength(3);
    expect(new Set(number!.strangerActs.map(({ account }) => account)).size).toBe(1);
    const user = await findUserByEmail(database.db, email);
    const about = { userId: user!.id, phone, network: '198.51.100.11' };
    expect(await readVerificationState(database.db, about, after(noon, 3))).toMatchObject({
      byOthers: false,
      sends: { remaining: 0, retryAt: after(noon, 3600) },
    });
  });

  test('the number’s row tells neither who asked nor from where', async () => {
    const phone = newPhone();
    const person = await giveAsker(phone);
    await ask(person, 0, '198.51.100.12');
    const acts = JSON.stringify((await readNumber(database.db, phone))!.strangerActs);
    expect(acts).not.toContain(person.userId);
    expect(acts).not.toContain('198.51.100.12');
  });

  test('what a number remembers of strangers stays short', async () => {
    const phone = newPhone();
    for (let day = 0; day < 3; day += 1) {
      for (let hour = 0; hour < 24; hour += 1) {
        for (let i = 0; i < 4; i += 1) await ask(await giveAsker(phone), day * 86_400 + hour * 3600 + i);
      }
    }
    expect((await readNumber(database.db, phone))!.strangerActs.length).toBeLessThanOrEqual(10);
  });
});

describe('the page of someone whose number others asked codes for', () => {
  test('says so, with the moment, and the account may be opened without verifying at once', async () => {
    const phone = newPhone();
    for (const second of [0, 1, 2]) await givePending(database.db, phone, after(noon, second));
    const person = await giveAsker(phone);
    expect(await ask(person, 60)).toEqual({
      ok: false,
      reason: 'send_limit',
      retryAt: after(noon, 3600),
      byOthers: true,
    });
    const state = await readVerificationState(database.db, person, after(noon, 60));
    expect(state).toMatchObject({
      byOthers: true,
      sends: { remaining: 0, retryAt: after(noon, 3600) },
      skipAt: after(noon, 60),
    });
    expect(await skipVerification(database.db, person, contextAt(after(noon, 60)))).toMatchObject({
      ok: true,
    });
  });

  test('says so of wrong codes, too, while their own code is open', async () => {
    const phone = newPhone();
    const strangers = [await giveAsker(phone), await giveAsker(phone)];
    for (const stranger of strangers) {
      await ask(stranger, 0);
      await guessWrong(stranger, 5, 10);
    }
    await ask(strangers[0]!, 3700);
    const person = await giveAsker(phone);
    await ask(person, 3700);
    await guessWrong(strangers[0]!, 5, 3710);
    const guess = (await readCode(database.db, person.userId)).padStart(6, '0');
    expect(await checkCode(database.db, person, guess, contextAt(after(noon, 3720)))).toEqual({
      ok: false,
      reason: 'number_locked',
      retryAt: after(noon, 10 + 24 * 3600),
      byOthers: true,
    });
    const state = await readVerificationState(database.db, person, after(noon, 3720));
    expect(state).toMatchObject({ byOthers: true, tries: { remaining: 0 }, skipAt: after(noon, 3720) });
  });

  test('says nothing of others where one account used all up by itself', async () => {
    const person = await giveAsker(newPhone());
    for (const second of [0, 100, 200]) {
      await ask(person, second);
      await guessWrong(person, 5, second + 50);
    }
    const state = await readVerificationState(database.db, person, after(noon, 300));
    expect(state).toMatchObject({ byOthers: false, sends: { remaining: 0 } });
    expect(await ask(person, 300)).toEqual({
      ok: false,
      reason: 'number_locked',
      retryAt: after(noon, 50 + 24 * 3600),
    });
  });

  test('knows before they ask that their network has asked already', async () => {
    const phone = newPhone();
    const network = '198.51.100.13';
    for (const second of [0, 1]) await ask(await giveAsker(phone), second, network);
    const person = await giveAsker(phone);
    const state = await readVerificationState(database.db, { ...person, network }, after(noon, 5));
    expect(state).toMatchObject({ byOthers: true, sends: { retryAt: after(noon, 3600) } });
    const elsewhere = await readVerificationState(
      database.db,
      { ...person, network: '203.0.113.13' },
      after(noon, 5),
    );
    expect(elsewhere).toMatchObject({ byOthers: false, sends: { remaining: 1, retryAt: null } });
  });
});
