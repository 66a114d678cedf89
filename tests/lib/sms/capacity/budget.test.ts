import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { openPool, workerPool } from '@/db/client';
import { isLockTimeout } from '@/db/database-fault';
import { smsCodesToCount, smsSpend, type SendClass } from '@/db/schema/sms';
import {
  capsOf,
  changeSpend,
  pruneSpend,
  reserveSpend,
  spendMark,
  sumSpend,
  type Budget,
  type SpendAnswer,
} from '@/lib/sms/capacity/budget';
import { countEnteredCodes } from '@/lib/sms/capacity/entered-sums';
import { recordStatements, useDatabase } from '../../../support/database';
import { askForUpdate, makePerson, readText, type Person } from '../../../support/texts';

const database = useDatabase();
const start = new Date('2026-05-01T12:00:00Z');
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const lease = new Date(start.getTime() + 400 * day);
const secret = 'a secret of these tests';
const plenty = { perUserMicros: 1e9, totalMicros: 1e12 };
const codePrice = 7_900;

beforeEach(async () => {
  await database.db.execute(sql`truncate sms_messages, sms_spend`);
});

function after(ms: number): Date {
  return new Date(start.getTime() + ms);
}

/** Texts in a dispatcher's hands, ready to be reserved for. */
async function claimTexts(people: readonly Person[]): Promise<string[]> {
  const ids = await Promise.all(people.map((person) => askForUpdate(database.db, person)));
  await database.db.execute(sql`update sms_messages set status = 'sending',
    lease_until = ${lease.toISOString()}::timestamptz where status = 'queued'`);
  return ids;
}

type Text = {
  messageId: string;
  person: Person;
  email?: string;
  emailProven?: boolean;
  priceMicros?: number;
  purpose?: string;
  sendClass?: SendClass | null;
  network?: string | null;
  wideNetwork?: string | null;
  source?: string | null;
};

function wanted(text: Text, budget: Budget) {
  const { messageId, person, priceMicros = codePrice, sendClass = null, network = null, source } = text;
  const { wideNetwork = null } = text;
  const caps = capsOf(
    {
      userId: person.userId,
      emailKey: text.email ?? person.userId,
      emailProven: text.emailProven ?? false,
      phone: person.phone,
      purpose: text.purpose ?? (sendClass === null ? 'update' : 'verification'),
      sendClass,
      network,
      wideNetwork,
      source,
      priceMicros,
    },
    budget,
    [secret],
  );
  return { messageId, priceMicros, segments: Math.ceil(priceMicros / codePrice), caps };
}

async function reserve(texts: readonly Text[], budget: Budget, now = start): Promise<SpendAnswer[]> {
  const answers = await reserveSpend(database.db, {
    texts: texts.map((text) => wanted(text, budget)),
    lease,
    now,
  });
  return texts.map(({ messageId }) => answers.get(messageId)!);
}

const spentBy = ({ userId }: Person, now = start) =>
  sumSpend(database.db, spendMark(secret, 'person', userId), now);

describe('reserveSpend', () => {
  test('waits for its turn longer than for a row that someone holds', async () => {
    const pool = openPool(database.url, workerPool);
    const worker = drizzle(pool);
    let letGo = () => undefined as void;
    const isHeld = new Promise<void>((resolve) => (letGo = resolve));
    try {
      const people = [await makePerson(database.db), await makePerson(database.db)];
      const ids = await claimTexts(people);
      const [first, second] = ids.map((messageId, n) => wanted({ messageId, person: people[n]! }, plenty));
      let isFirst = () => undefined as void;
      const isTaken = new Promise<void>((resolve) => (isFirst = resolve));
      const before = reserveSpend(worker, { texts: [first!], lease, now: start }, () => {
        isFirst();
        return isHeld;
      });
      await isTaken;
      let patience: unknown;
      const own = reserveSpend(worker, { texts: [second!], lease, now: start }, async (tx) => {
        patience = (await tx.execute(sql`show lock_timeout`)).rows[0];
      });
      own.catch(() => undefined);
      await delay(2 * workerPool.lockTimeoutMs!);
      letGo();
      await before;
      expect((await own).get(ids[1]!)).toEqual({ ok: true });
      expect(patience).toEqual({ lock_timeout: `${workerPool.lockTimeoutMs}ms` });
    } finally {
      letGo();
      await pool.end();
    }
  });

  test('1,000 reservations by 100 processes at the same instant never pass a cap, and use all of it', async () => {
    const people = await Promise.all(Array.from({ length: 20 }, () => makePerson(database.db)));
    const owners = Array.from({ length: 1000 }, (_, index) => people[index % people.length]!);
    const ids = await claimTexts(owners);
    // Updates may have eight tenths.
    const forUpdates = codePrice * 321 + codePrice - 1;
    const budget = { perUserMicros: codePrice * 30, totalMicros: Math.floor((forUpdates * 10) / 8) };
    // As a dispatcher does: who waited too long for the others asks again.
    const reserveAtLast = (texts: readonly Text[]): Promise<SpendAnswer[]> =>
      reserve(texts, budget).catch((error: unknown) => {
        if (isLockTimeout(error)) return reserveAtLast(texts);
        throw error;
      });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, process) =>
        reserveAtLast(
          ids
            .map((messageId, index) => ({ messageId, person: owners[index]! }))
            .slice(process * 10, process * 10 + 10),
        ),
      ),
    );
    expect(answers.flat().filter(({ ok }) => ok)).toHaveLength(321);
    expect(await sumSpend(database.db, 'all', start)).toBe(BigInt(codePrice) * 321n);
    for (const person of people)
      expect(await spentBy(person)).toBeLessThanOrEqual(BigInt(budget.perUserMicros));
  });

  test('of one claim, as many as fit are reserved for, in the order given', async () => {
    const person = await makePerson(database.db);
    const ids = await claimTexts(Array.from({ length: 4 }, () => person));
    const texts = ids.map((messageId, index) => ({
      messageId,
      person,
      priceMicros: [codePrice, 3 * codePrice, codePrice, codePrice][index]!,
    }));
    const answers = await reserve(texts, { ...plenty, perUserMicros: 3 * codePrice });
    expect(answers.map(({ ok }) => ok)).toEqual([true, false, true, true]);
  });

  test('takes four statements and the ends of a transaction, however many texts there are', async () => {
    const person = await makePerson(database.db);
    const ids = await claimTexts(Array.from({ length: 40 }, () => person));
    const statements = await recordStatements(database.pool, () =>
      reserve(
        ids.map((messageId) => ({ messageId, person })),
        plenty,
      ),
    );
    expect(statements).toHaveLength(5);
  });

  test('one person’s cap does not touch another’s, and the refusal says which rule, value and limit', async () => {
    const [one, other] = [await makePerson(database.db), await makePerson(database.db)];
    const ids = await claimTexts([one, one, other]);
    const budget = { ...plenty, perUserMicros: 10_000 };
    const ask = async (messageId: string, person: Person, now: Date) =>
      (await reserve([{ messageId, person }], budget, now))[0]!;
    expect(await ask(ids[0]!, one, after(1_000))).toEqual({ ok: true });
    expect(await ask(ids[1]!, one, after(2_000))).toEqual({
      ok: false,
      reason: 'budget',
      rule: 'SMS_DAILY_BUDGET_PER_USER_USD',
      priceMicros: 7900n,
      spentMicros: 7900n,
      limitMicros: 10_000n,
      // 24 hours, rounded up to the minute.
      retryAt: after(day + minute),
    });
    expect(await ask(ids[2]!, other, after(1000))).toEqual({ ok: true });
    expect(await ask(ids[1]!, one, after(day + minute - 1))).toMatchObject({ ok: false, reason: 'budget' });
    expect(await ask(ids[1]!, one, after(day + minute))).toEqual({ ok: true });
  });

  test('a text dearer than the cap itself never fits', async () => {
    const person = await makePerson(database.db);
    const [messageId] = await claimTexts([person]);
    const [answer] = await reserve([{ messageId: messageId!, person }], { ...plenty, perUserMicros: 7899 });
    expect(answer).toMatchObject({ ok: false, retryAt: null });
  });

  test('only the dispatcher whose lease still holds reserves, and with it the text counts as called for', async () => {
    const person = await makePerson(database.db);
    const [messageId] = await claimTexts([person]);
    const text = wanted({ messageId: messageId!, person, priceMicros: 15_800 }, plenty);
    const other = await reserveSpend(database.db, { texts: [text], lease: after(1), now: start });
    expect(other.get(messageId!)).toEqual({ ok: false, reason: 'lost' });
    expect(await readText(database.db, messageId!)).toMatchObject({
      unknownSince: null,
      price: null,
      attempts: 0,
    });
    expect(await sumSpend(database.db, 'all', start)).toBe(0n);
    const own = await reserveSpend(database.db, { texts: [text], lease, now: start });
    expect(own.get(messageId!)).toEqual({ ok: true });
    expect(await sumSpend(database.db, 'all', start)).toBe(15_800n);
    expect(await readText(database.db, messageId!)).toMatchObject({
      unknownSince: start,
      price: '0.015800',
      estimatedPrice: '0.015800',
      segments: 2,
      attempts: 1,
      reservedAt: start,
    });
  });

  test('agrees with a plain model of a rolling day, whatever is reserved, released and settled', async () => {
    const person = await makePerson(database.db);
    const step = fc.record({
      afterMs: fc.integer({ min: 0, max: day / 2 }),
      priceMicros: fc.integer({ min: 1, max: 40_000 }),
      fate: fc.oneof(
        fc.constant({ kind: 'keep' as const }),
        fc.constant({ kind: 'release' as const }),
        fc.record({ kind: fc.constant('settle' as const), micros: fc.integer({ min: 0, max: 60_000 }) }),
      ),
    });
    const minuteOf = (ms: number) => Math.floor(ms / minute) * minute;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        await database.db.execute(sql`truncate sms_messages, sms_spend`);
        const limit = 80_000;
        let nowMs = 0;
        const spends: { atMs: number; micros: number }[] = [];
        const spentAt = (ms: number) =>
          spends
            .filter(({ atMs }) => minuteOf(atMs) >= minuteOf(ms) - day)
            .reduce((sum, { micros }) => sum + micros, 0);
        for (const { afterMs, priceMicros, fate } of steps) {
          nowMs += afterMs;
          const [messageId] = await claimTexts([person]);
          const text = { messageId: messageId!, person, priceMicros };
          const [answer] = await reserve([text], { ...plenty, perUserMicros: limit }, after(nowMs));
          expect(answer!.ok).toBe(spentAt(nowMs) + priceMicros <= limit);
          if (!answer!.ok) {
            const moments = spends.map(({ atMs }) => minuteOf(atMs) + day + minute).sort((a, b) => a - b);
            const expected = moments.find((at) => at > nowMs && spentAt(at) + priceMicros <= limit);
            expect(answer).toMatchObject({
              spentMicros: BigInt(spentAt(nowMs)),
              priceMicros: BigInt(priceMicros),
              retryAt: expected === undefined ? null : after(expected),
            });
            continue;
          }
          const micros = fate.kind === 'settle' ? fate.micros : fate.kind === 'release' ? 0 : priceMicros;
          const row = await readText(database.db, messageId!);
          await changeSpend(database.db, [
            { scopes: row.spendScopes, reservedAt: row.reservedAt!, micros: BigInt(micros - priceMicros) },
          ]);
          spends.push({ atMs: nowMs, micros });
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('whose cap it is', () => {
  test('a new account with the same email starts no new one', async () => {
    const [first, second, other] = [
      await makePerson(database.db),
      await makePerson(database.db),
      await makePerson(database.db),
    ];
    const ids = await claimTexts([first, second, other]);
    const budget = { ...plenty, perUserMicros: codePrice };
    const answers = await reserve(
      [
        { messageId: ids[0]!, person: first, email: 'one@example.com' },
        { messageId: ids[1]!, person: second, email: 'one@example.com' },
        { messageId: ids[2]!, person: other, email: 'two@example.com' },
      ],
      budget,
    );
    expect(answers.map(({ ok }) => ok)).toEqual([true, false, true]);
  });

  test('a proven email has a sum that nobody spends who only typed it; what it spends counts for them too', async () => {
    const [stranger, owner, again] = [
      await makePerson(database.db),
      await makePerson(database.db),
      await makePerson(database.db),
    ];
    const ids = await claimTexts([stranger, owner, owner, again]);
    const budget = { ...plenty, perUserMicros: codePrice };
    const email = 'one@example.com';
    const first = await reserve(
      [
        { messageId: ids[0]!, person: stranger, email },
        { messageId: ids[1]!, person: owner, email, emailProven: true },
        { messageId: ids[2]!, person: owner, email, emailProven: true },
      ],
      budget,
    );
    expect(first.map(({ ok }) => ok)).toEqual([true, true, false]);

    // The account is deleted, the stranger's text is forgotten, and the email is registered again.
    await changeSpend(database.db, [
      { scopes: [spendMark(secret, 'email', email)], reservedAt: start, micros: BigInt(-codePrice) },
    ]);
    const [last] = await reserve([{ messageId: ids[3]!, person: again, email }], budget);
    expect(last).toMatchObject({ ok: false, reason: 'budget', spentMicros: BigInt(codePrice) });
  });

  test('one phone, held by one account after the other, starts no new one for what goes to its holder', async () => {
    const [first, second] = [await makePerson(database.db), await makePerson(database.db)];
    const phone = first.phone;
    const ids = await claimTexts([first, second, second, second]);
    const budget = { ...plenty, perUserMicros: codePrice };
    const next = { ...second, phone };
    const answers = await reserve(
      [
        { messageId: ids[0]!, person: first },
        { messageId: ids[1]!, person: next },
        // What a stranger asks for is not the holder's to pay.
        { messageId: ids[2]!, person: { ...next, userId: randomUUID() }, sendClass: 'prove' },
      ],
      budget,
    );
    expect(answers.map(({ ok }) => ok)).toEqual([true, false, true]);
  });

  test('codes of a second factor have one of their own', async () => {
    const person = await makePerson(database.db);
    const ids = await claimTexts([person, person, person]);
    const budget = { ...plenty, perUserMicros: codePrice };
    const answers = await reserve(
      [
        { messageId: ids[0]!, person },
        { messageId: ids[1]!, person, sendClass: 'sign_in' },
        { messageId: ids[2]!, person, sendClass: 'sign_in' },
      ],
      budget,
    );
    expect(answers.map(({ ok }) => ok)).toEqual([true, true, false]);
  });

  test('the tables hold neither the account nor the email nor the network it is kept by', async () => {
    const person = await makePerson(database.db);
    const [messageId] = await claimTexts([person]);
    const network = spendMark(secret, 'network', '203.0.113.9');
    await reserve(
      [{ messageId: messageId!, person, email: 'one@example.com', sendClass: 'prove', network }],
      plenty,
    );
    const { rows } = await database.db.execute(sql`select scope from sms_spend`);
    const text = JSON.stringify(rows);
    for (const secretWord of [person.userId, 'one@example.com', '203.0.113.9']) {
      expect(text).not.toContain(secretWord);
    }
    expect(rows).toHaveLength(7);
  });
});

test('texts of many that were wished for at once leave three tenths more, to codes of new people and to single updates', async () => {
  const budget = { perUserMicros: 1e9, totalMicros: 100 * codePrice };
  const person = await makePerson(database.db);
  const countFitting = async (count: number, text: Pick<Text, 'sendClass' | 'source'>) => {
    const ids = await claimTexts(Array.from({ length: count }, () => person));
    const answers = await reserve(
      ids.map((messageId) => ({ ...text, messageId, person })),
      budget,
    );
    return answers.filter(({ ok }) => ok).length;
  };
  expect(await countFitting(70, { source: randomUUID() })).toBe(60);
  expect(await countFitting(3, { sendClass: 'prove' })).toBe(3);
  expect(await countFitting(5, {})).toBe(5);
  const [late] = await claimTexts([person]);
  expect(await reserve([{ source: randomUUID(), messageId: late!, person }], budget)).toMatchObject([
    { ok: false, rule: 'share_of_many', limitMicros: 60n * BigInt(codePrice) },
  ]);
});

test('updates leave a fifth of the budget to codes, and codes that prove a new number a tenth to what people need to get in', async () => {
  const budget = { perUserMicros: 1e9, totalMicros: 100 * codePrice };
  const person = await makePerson(database.db);
  const send = async (count: number, text: Pick<Text, 'purpose' | 'sendClass'>) => {
    const ids = await claimTexts(Array.from({ length: count }, () => person));
    return reserve(
      ids.map((messageId) => ({ ...text, messageId, person })),
      budget,
    );
  };
  const updates = await send(100, {});
  expect(updates.filter(({ ok }) => ok)).toHaveLength(80);
  expect(updates.at(-1)).toMatchObject({ rule: 'share_of_updates', limitMicros: 80n * BigInt(codePrice) });
  expect((await send(5, { sendClass: 'prove' })).filter(({ ok }) => ok)).toHaveLength(5);
  expect((await send(6, { purpose: 'test' })).filter(({ ok }) => ok)).toHaveLength(5);
  const refused = [{ sendClass: 'prove' }, { purpose: 'test' }] as const;
  for (const text of refused) expect((await send(1, text))[0]).toMatchObject({ rule: 'all_but_kept' });
  const kept = [{ purpose: 'notice' }, { sendClass: 'sign_in' }, { sendClass: 'prove_again' }] as const;
  for (const text of kept) {
    expect((await send(3, text)).map(({ ok }) => ok)).toEqual([true, true, true]);
  }
  expect((await send(2, { sendClass: 'sign_in' })).map((answer) => 'rule' in answer && answer.rule)).toEqual([
    false,
    'SMS_DAILY_BUDGET_USD',
  ]);
});

describe('strangers’ codes', () => {
  const total = 1_000 * codePrice;
  const budget = { perUserMicros: 1e9, totalMicros: total };

  /** As many codes for strangers as are asked for, each from a network and to a prefix of its own, in one go. */
  async function askForCodes(count: number, now: Date, sendClass: SendClass = 'prove'): Promise<number> {
    const person = await makePerson(database.db);
    const ids = await claimTexts(Array.from({ length: count }, () => person));
    const answers = await reserve(
      ids.map((messageId, index) => ({
        messageId,
        person: { userId: randomUUID(), phone: `+1${String(2_000_000 + index)}0000` },
        sendClass,
        network: `network:${randomUUID()}`,
      })),
      budget,
      now,
    );
    return answers.filter(({ ok }) => ok).length;
  }

  test('cannot take 30 % of the budget, however long they try, and there is always some of theirs to come', async () => {
    let taken = 0;
    const byHour: number[] = [];
    for (let hours = 0; hours < 24; hours += 1) {
      byHour.push(await askForCodes(hours === 0 ? 400 : 60, after(hours * hour + 5 * minute)));
      taken += byHour.at(-1)!;
    }
    expect(taken).toBeLessThanOrEqual(700);
    expect(taken).toBeGreaterThan(650);
    expect(byHour[0]).toBe(Math.floor((700 * (3 * 24 + 21)) / 576));
    // Each hour brings a twenty-fourth of what is left after the first.
    expect(Math.min(...byHour.slice(2))).toBeGreaterThanOrEqual(24);
    expect(Math.max(...byHour.slice(1))).toBeLessThanOrEqual(60);
    expect(await askForCodes(300, after(day), 'prove_again')).toBe(300);
  });

  test('codes to choose a new password count as theirs, since anyone asks for them who knows an email', async () => {
    expect(await askForCodes(400, after(5 * minute), 'recover')).toBe(
      Math.floor((700 * (3 * 24 + 21)) / 576),
    );
  });

  test.each([
    ['network', 'network_share'],
    ['prefix', 'prefix_share'],
  ] as const)('no %s takes more than 5 %% of a day', async (kind, rule) => {
    const person = await makePerson(database.db);
    const ids = await claimTexts(Array.from({ length: 60 }, () => person));
    const answers = await reserve(
      ids.map((messageId, index) => ({
        messageId,
        person: {
          userId: randomUUID(),
          phone: kind === 'prefix' ? `+1212200${1000 + index}` : `+1${2_000_000 + index}0000`,
        },
        sendClass: 'prove' as const,
        network: kind === 'network' ? 'network:one' : `network:${index}`,
      })),
      budget,
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(50);
    expect(answers.at(-1)).toMatchObject({ ok: false, rule });
  });

  let prefixes = 2_000_000;

  // Of 700 in all.
  test.each([
    [1, 200, 267],
    [2, 300, 400],
    [10, 400, 640],
  ])(
    'of %i wide networks, each with thousands of networks of its own, leave the others theirs in any hour',
    async (floods, least, most) => {
      const ask = async (howMany: number, wideNetwork: string, now: Date): Promise<number> => {
        const person = await makePerson(database.db);
        const ids = await claimTexts(Array.from({ length: howMany }, () => person));
        const answers = await reserve(
          ids.map((messageId) => ({
            messageId,
            person: { userId: randomUUID(), phone: `+1${(prefixes += 1)}0000` },
            sendClass: 'prove' as const,
            network: `network:${randomUUID()}`,
            wideNetwork,
          })),
          budget,
          now,
        );
        expect(answers.every((answer) => answer.ok || answer.reason === 'budget')).toBe(true);
        return answers.filter(({ ok }) => ok).length;
      };
      let flooded = 0;
      for (let hours = 0; hours < 24; hours += 1) {
        const now = after(hours * hour + 5 * minute);
        for (let flood = 0; flood < floods; flood += 1) {
          flooded += await ask(hours === 0 ? 80 : 20, `wide-network:flood${flood}`, now);
        }
        expect(await ask(2, `wide-network:quiet${hours}`, now)).toBe(2);
      }
      expect(flooded).toBeGreaterThan(least);
      expect(flooded).toBeLessThanOrEqual(most);
    },
    60_000,
  );

  test('of a carrier whose people enter them go on beside the crowds of ten providers', async () => {
    const person = await makePerson(database.db);
    const ask = async (howMany: number, wideNetwork: string, now: Date, isEntered = false) => {
      const ids = await claimTexts(Array.from({ length: howMany }, () => person));
      const texts = ids.map((messageId) => ({
        messageId,
        person: { userId: randomUUID(), phone: `+1${(prefixes += 1)}0000` },
        sendClass: 'prove' as const,
        network: `network:${randomUUID()}`,
        wideNetwork,
      }));
      const answers = await reserve(texts, budget, now);
      for (const [n, { ok }] of answers.entries()) {
        if (!ok || !isEntered) continue;
        const challengeId = randomUUID();
        await database.db.execute(
          sql`update sms_messages set challenge_id = ${challengeId}, wide_network = ${wideNetwork} where id = ${ids[n]!}`,
        );
        await database.db.insert(smsCodesToCount).values({ challengeId });
        await countEnteredCodes(database.db, now, 10);
      }
      return answers.filter(({ ok }) => ok).length;
    };
    const asked = { entered: 0, others: 0 };
    for (let hours = 0; hours < 12; hours += 1) {
      const now = after(hours * hour + 5 * minute);
      for (let flood = 0; flood < 10; flood += 1) await ask(20, `wide-network:flood${flood}`, now);
      for (let people = 0; people < 10; people += 1) {
        asked.entered += await ask(1, 'wide-network:carrier', now, true);
        asked.others += await ask(1, 'wide-network:other', now);
      }
    }
    // Of 120 each. Whoever enters none is not told from the crowds.
    expect(asked.entered).toBeGreaterThan(90);
    expect(asked.others).toBeLessThan(30);
  }, 60_000);

  test('of a wide network are let through where the budget is so small that a share is less than a code', async () => {
    const person = await makePerson(database.db);
    const send = async (wideNetwork: string, totalMicros: number) => {
      const [messageId] = await claimTexts([person]);
      const text = { messageId: messageId!, person, sendClass: 'prove', network: null, wideNetwork } as const;
      const answers = await reserve([text], { perUserMicros: 1e9, totalMicros });
      return answers[0]!.ok;
    };
    // 70 % of it are a code and a half.
    expect(await send('wide-network:one', Math.floor(2.2 * codePrice))).toBe(true);
    expect(await send('wide-network:one', Math.floor(2.2 * codePrice))).toBe(false);
    // Seven codes: it has had one, and gets one more, and the other has two.
    expect(await send('wide-network:one', 10 * codePrice)).toBe(true);
    expect(await send('wide-network:one', 10 * codePrice)).toBe(false);
    expect(await send('wide-network:other', 10 * codePrice)).toBe(true);
    expect(await send('wide-network:other', 10 * codePrice)).toBe(true);
  });

  test('of one network take a third of a prefix’s share at most: another network’s still go to that prefix', async () => {
    const at = after(0);
    const send = async (network: string, phone: string) => {
      const person = { ...(await makePerson(database.db)), phone };
      const [messageId] = await claimTexts([person]);
      const answers = await reserve(
        [{ messageId: messageId!, person, sendClass: 'prove', network }],
        budget,
        at,
      );
      return answers[0]!.ok;
    };
    const one = spendMark(secret, 'network', '203.0.113.1');
    let sent = 0;
    for (let nth = 0; nth < 25; nth += 1) if (await send(one, `+1212555${1000 + nth}`)) sent += 1;
    // A twentieth of a thousand are fifty, a third of them sixteen.
    expect(sent).toBe(16);
    expect(await send(spendMark(secret, 'network', '203.0.113.2'), '+12125551999')).toBe(true);
    expect(await send(one, '+13125551000')).toBe(true);
  });

  test('are let through a few at a time where the budget is so small that a share is less than a code', async () => {
    const small = { perUserMicros: 1e9, totalMicros: 10 * codePrice };
    const person = await makePerson(database.db);
    const ids = await claimTexts(Array.from({ length: 10 }, () => person));
    const answers = await reserve(
      ids.map((messageId) => ({ messageId, person, sendClass: 'prove' as const, network: 'network:one' })),
      small,
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(5);
  });
});

test('what was spent by a clock that was ahead counts for two days at most, and is removed', async () => {
  const soon = after(20 * hour);
  const muchLater = after(30 * day);
  await changeSpend(database.db, [
    { scopes: ['all'], reservedAt: soon, micros: 3n },
    { scopes: ['all'], reservedAt: muchLater, micros: 500n },
  ]);
  expect(await sumSpend(database.db, 'all', start)).toBe(3n);
  const minutesAhead = sql`update sms_spend set minute = clock_timestamp() + interval '30 days' where micros = 500`;
  await database.db.execute(minutesAhead);
  await pruneSpend(database.db, start, 100);
  expect(await database.db.$count(smsSpend)).toBe(1);
  expect(await sumSpend(database.db, 'all', after(20 * hour + 2 * day))).toBe(0n);
});

test('sums that no cap counts any more are removed, and those that one does are kept', async () => {
  const now = new Date();
  await changeSpend(database.db, [
    { scopes: ['all'], reservedAt: new Date(now.getTime() - 26 * hour), micros: 1n },
    { scopes: ['all'], reservedAt: new Date(now.getTime() - 24 * hour), micros: 2n },
  ]);
  expect(await pruneSpend(database.db, now, 10)).toBe(1);
  expect(await sumSpend(database.db, 'all', now)).toBe(2n);
  const { rows } = await database.db.execute(sql`select 1 from sms_spend`);
  expect(rows).toHaveLength(1);
});
