import { randomBytes, randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { phoneNumbers, smsMessages, smsSenders } from '@/db/schema/sms';
import { smsOptOuts } from '@/db/schema/consent';
import { hasConsent } from '@/lib/consent/ledger';
import { applyStatus } from '@/lib/sms/delivery/status-report';
import { type StatusReport } from '@/lib/sms/delivery/read-status-report';
import { reconcileTexts } from '@/lib/sms/delivery/reconcile';
import { readDoubt } from '@/lib/sms/numbers/doubt';
import { readNumber } from '@/lib/sms/numbers/number';
import { changeSpend, microsOf, sumSpend } from '@/lib/sms/capacity/budget';
import type { Provider } from '@/lib/sms/provider/provider';
import { resumeSender } from '@/lib/sms/capacity/send-rate';
import { openTwilio } from '@/lib/sms/provider/twilio';
import { openLog } from '@/lib/log';
import { useDatabase } from '../../../support/database';
import { startFakeTwilio, type FakeText, type FakeTwilio } from '../../../support/fake-twilio';
import {
  accountSid,
  askForCode,
  askForUpdate,
  authToken,
  fromPhone,
  makeEnv,
  makePerson,
  readText,
  twilioVariables,
  type Person,
} from '../../../support/texts';

const database = useDatabase();
const now = new Date('2026-05-01T12:00:00Z');
const log = openLog({ level: 'error', write: () => undefined });

beforeEach(async () => {
  await database.db.execute(sql`truncate sms_messages, sms_senders, sms_spend`);
});

function newSid(): string {
  return `SM${randomBytes(16).toString('hex')}`;
}

function report(sid: string, status: string, more: Partial<StatusReport> = {}): StatusReport {
  return {
    sid,
    status,
    errorCode: null,
    price: null,
    priceUnit: null,
    segments: null,
    to: null,
    now,
    ...more,
  };
}

/** A text that the provider has accepted. */
async function sendUpdate(person: Person): Promise<{ messageId: string; sid: string }> {
  const messageId = await askForUpdate(database.db, person);
  return { messageId, sid: await markSent(messageId) };
}

async function markSent(messageId: string): Promise<string> {
  const sid = newSid();
  await database.db
    .update(smsMessages)
    .set({
      status: 'sent',
      providerSid: sid,
      sender: fromPhone,
      sentAt: now,
      attempts: 1,
      segments: 1,
      price: '0.0079',
      estimatedPrice: '0.0079',
      reservedAt: now,
      checkAt: now,
    })
    .where(eq(smsMessages.id, messageId));
  return sid;
}

async function readRetries(messageId: string) {
  return database.db.select().from(smsMessages).where(eq(smsMessages.retryOf, messageId));
}

/** All orders of some. */
function permute<Value>(values: readonly Value[]): Value[][] {
  if (values.length < 2) return [[...values]];
  return values.flatMap((value, place) =>
    permute(values.toSpliced(place, 1)).map((others) => [value, ...others]),
  );
}

describe('applyStatus', () => {
  const reports = fc.record({
    status: fc.constantFrom(
      'accepted',
      'scheduled',
      'queued',
      'sending',
      'sent',
      'partially_delivered',
      'canceled',
      'failed',
      'undelivered',
      'delivered',
      'read',
    ),
    errorCode: fc.constantFrom(null, 30003, 30005, 30007, 30008, 30036),
    price: fc.constantFrom(null, null, '-0.0079', '-0.0158'),
    segments: fc.constantFrom(null, 1, 2),
    named: fc.boolean(),
  });

  test('any order and any repetition of the same reports ends in the same state', async () => {
    const person = await makePerson(database.db);
    const settle = async (
      sequence: readonly (typeof reports extends fc.Arbitrary<infer R> ? R : never)[],
    ) => {
      const { messageId, sid } = await sendUpdate(person);
      for (const { named, status, errorCode, price, segments } of sequence) {
        await applyStatus(
          database.db,
          report(sid, status, {
            messageId: named ? messageId : null,
            errorCode,
            price,
            priceUnit: 'USD',
            segments,
          }),
        );
      }
      const row = await readText(database.db, messageId);
      const { status, providerStatus, errorCode, reason, price, priceSettledAt, segments, checkAt } = row;
      const delivered = row.deliveredAt !== null;
      const failed = row.failedAt !== null;
      return {
        status,
        providerStatus,
        errorCode,
        reason,
        price: price === null ? null : Number(price),
        settled: priceSettledAt !== null,
        segments,
        asked: checkAt !== null,
        failed,
        delivered,
      };
    };
    await fc.assert(
      fc.asyncProperty(
        fc
          .array(reports, { minLength: 1, maxLength: 5 })
          .chain((sequence) =>
            fc.tuple(
              fc.constant(sequence),
              fc.shuffledSubarray([...sequence, ...sequence], { minLength: sequence.length * 2 }),
            ),
          ),
        async ([sequence, shuffled]) => {
          expect(await settle(shuffled)).toEqual(await settle(sequence));
        },
      ),
      { numRuns: 60 },
    );
  });

  const finals = fc.record({
    status: fc.constantFrom('sent', 'canceled', 'failed', 'undelivered', 'delivered'),
    errorCode: fc.constantFrom(null, 21610, 30003, 30005, 30007, 30008, 30022, 30034, 30036),
  });

  test('every order of up to four reports has the same effects on number, opt-outs, repetitions and sender', async () => {
    const countEffects = async (
      sequence: readonly (typeof finals extends fc.Arbitrary<infer R> ? R : never)[],
      retries: number,
    ) => {
      await database.db.execute(sql`truncate sms_senders`);
      const person = await makePerson(database.db);
      const { messageId, sid } = await sendUpdate(person);
      await database.db.update(smsMessages).set({ retries }).where(eq(smsMessages.id, messageId));
      for (const each of sequence) await applyStatus(database.db, report(sid, each.status, each));
      const [number] = await database.db
        .select()
        .from(phoneNumbers)
        .where(eq(phoneNumbers.number, person.phone));
      const optOuts = await database.db.select().from(smsOptOuts).where(eq(smsOptOuts.phone, person.phone));
      const again = (await readRetries(messageId)).filter(({ status }) => status === 'queued');
      const [sender] = await database.db.select().from(smsSenders);
      return {
        isUndeliverable: number!.undeliverableAt !== null,
        deadTexts: number!.deadTexts.length,
        isSuppressed: number!.suppressedAt !== null,
        optOuts: optOuts.length,
        consents: await hasConsent(database.db, { ...person, scope: 'updates' }),
        again: again.length,
        isStopped: Boolean(sender?.stoppedUntil),
      };
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(finals, { minLength: 3, maxLength: 4 }),
        fc.constantFrom(0, 1, 3),
        async (sequence, retries) => {
          const [first, ...others] = permute(sequence);
          const effects = await countEffects(first!, retries);
          for (const other of others) expect(await countEffects(other, retries)).toEqual(effects);
        },
      ),
      {
        numRuns: 8,
        endOnFailure: true,
        examples: [
          [
            [
              { status: 'undelivered', errorCode: 30003 },
              { status: 'failed', errorCode: 21610 },
            ],
            0,
          ],
          [
            [
              { status: 'undelivered', errorCode: 30003 },
              { status: 'undelivered', errorCode: 30005 },
            ],
            0,
          ],
          [
            [
              { status: 'failed', errorCode: 30007 },
              { status: 'undelivered', errorCode: 30003 },
            ],
            0,
          ],
          [
            [
              { status: 'delivered', errorCode: null },
              { status: 'failed', errorCode: 21610 },
            ],
            0,
          ],
          [
            [
              { status: 'undelivered', errorCode: 30008 },
              { status: 'undelivered', errorCode: 30003 },
            ],
            1,
          ],
          [
            [
              { status: 'undelivered', errorCode: 30034 },
              { status: 'undelivered', errorCode: 30003 },
            ],
            0,
          ],
        ],
      },
    );
  }, 120_000);

  test('twenty reports at the same instant move a text forward to the last of them', async () => {
    const { messageId, sid } = await sendUpdate(await makePerson(database.db));
    const words = ['queued', 'sent', 'sending', 'delivered', 'accepted'];
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        applyStatus(database.db, report(sid, words[index % 5]!, { messageId })),
      ),
    );
    expect(await readText(database.db, messageId)).toMatchObject({
      status: 'delivered',
      providerStatus: 'delivered',
    });
  });

  test('a report belongs to a text by message id and SID together, or by number while no SID is stored', async () => {
    const person = await makePerson(database.db);
    const { messageId, sid } = await sendUpdate(person);
    const early = await askForUpdate(database.db, person);
    const notOurs = { ok: false, reason: 'not_ours' };
    const apply = (each: StatusReport) => applyStatus(database.db, each);
    expect(await apply(report(newSid(), 'delivered', { messageId, to: person.phone }))).toEqual(notOurs);
    expect(await apply(report(newSid(), 'delivered', { messageId: randomUUID() }))).toEqual(notOurs);
    expect(await apply(report(newSid(), 'delivered', { messageId: "' or 1=1" }))).toEqual(notOurs);
    expect(await apply(report(newSid(), 'delivered'))).toEqual(notOurs);
    expect(await apply(report(newSid(), 'sent', { messageId: early, to: '+12125550199' }))).toEqual(notOurs);
    expect(await apply(report(newSid(), 'sent', { messageId: early }))).toEqual(notOurs);
    expect(await apply(report(sid, 'receiving', { messageId }))).toEqual({
      ok: false,
      reason: 'unknown_status',
    });
    expect((await readText(database.db, messageId)).status).toBe('sent');
    expect((await readText(database.db, early)).status).toBe('queued');
    const earlySid = newSid();
    expect(await apply(report(earlySid, 'sent', { messageId: early, to: person.phone }))).toMatchObject({
      ok: true,
      changed: true,
    });
    expect(await readText(database.db, early)).toMatchObject({ status: 'sent', providerSid: earlySid });
  });

  test('the reported price replaces the estimate, exactly and without its sign; other currencies do not', async () => {
    const person = await makePerson(database.db);
    const { messageId, sid } = await sendUpdate(person);
    await applyStatus(database.db, report(sid, 'sent', { price: '-0.00830', priceUnit: 'EUR' }));
    expect(await readText(database.db, messageId)).toMatchObject({ price: '0.007900', priceSettledAt: null });
    await applyStatus(
      database.db,
      report(sid, 'delivered', { price: '-0.012345', priceUnit: 'USD', segments: 2 }),
    );
    expect(await readText(database.db, messageId)).toMatchObject({
      price: '0.012345',
      estimatedPrice: '0.007900',
      segments: 2,
      priceSettledAt: now,
      checkAt: null,
    });
  });

  test.each<[string, number | null, string | null]>([
    ['failed', 30007, '0.001000'],
    ['failed', 30004, '0.001000'],
    ['failed', 30453, '0.001000'],
    ['failed', null, '0.001000'],
    ...[20500, 21408, 30002, 30008, 30036, 30450, 30454, 30500, 63038].map(
      (code) => ['failed', code, null] as [string, number, null],
    ),
    ['canceled', null, null],
    ['undelivered', 30007, '0.015800'],
    ['undelivered', 30008, '0.015800'],
  ])(
    'a text of two segments that is %s by %s costs %s until the provider says so',
    async (word, errorCode, price) => {
      const { messageId, sid } = await sendUpdate(await makePerson(database.db));
      const two = { segments: 2, price: '0.0158', estimatedPrice: '0.0158', spendScopes: ['all'] };
      await database.db.update(smsMessages).set(two).where(eq(smsMessages.id, messageId));
      await changeSpend(database.db, [{ scopes: ['all'], reservedAt: now, micros: 15_800n }]);
      await applyStatus(database.db, report(sid, word, { errorCode }));
      const isAsked = word === 'undelivered';
      expect(await readText(database.db, messageId)).toMatchObject({ price, checkAt: isAsked ? now : null });
      expect(await sumSpend(database.db, 'all', now)).toBe(microsOf(price));
      await applyStatus(database.db, report(sid, word, { errorCode, price: '-0.0021', priceUnit: 'USD' }));
      expect(await readText(database.db, messageId)).toMatchObject({
        price: '0.002100',
        priceSettledAt: now,
      });
      expect(await sumSpend(database.db, 'all', now)).toBe(2_100n);
    },
  );

  test('of two errors of one failure the fee goes by the same one as the reason, whichever came first', async () => {
    for (const codes of [
      [30008, 30036],
      [30036, 30008],
    ]) {
      const { messageId, sid } = await sendUpdate(await makePerson(database.db));
      for (const errorCode of [30453, ...codes]) {
        await applyStatus(database.db, report(sid, 'failed', { errorCode }));
      }
      expect(await readText(database.db, messageId)).toMatchObject({
        price: null,
        reason: 'unknown_error',
        errorCode: 30008,
      });
    }
  });

  test('error 21610 records the opt-out in the ledger, error 30006 flags the number', async () => {
    const stopped = await makePerson(database.db);
    const waiting = await askForUpdate(database.db, stopped);
    const { sid } = await sendUpdate(stopped);
    await applyStatus(database.db, report(sid, 'failed', { errorCode: 21610 }));
    await applyStatus(database.db, report(sid, 'failed', { errorCode: 21610 }));
    expect(
      await database.db.select().from(smsOptOuts).where(eq(smsOptOuts.phone, stopped.phone)),
    ).toMatchObject([
      { act: 'opted_out', channel: 'carrier', recordedBy: 'status_report', providerSid: sid, words: null },
    ]);
    expect(await hasConsent(database.db, { ...stopped, scope: 'updates' })).toBe(false);
    expect((await readText(database.db, waiting)).status).toBe('canceled');
    const landline = await makePerson(database.db);
    const text = await sendUpdate(landline);
    await applyStatus(database.db, report(text.sid, 'undelivered', { errorCode: 30006 }));
    const [number] = await database.db
      .select()
      .from(phoneNumbers)
      .where(eq(phoneNumbers.number, landline.phone));
    expect(number!.undeliverableAt).toEqual(now);
  });

  test('error 21610 opts out also after another error, and the repetition that it led to is canceled', async () => {
    for (const [status, errorCode] of [
      ['undelivered', 30003],
      ['failed', 30003],
      ['undelivered', null],
      ['undelivered', 30006],
    ] as const) {
      const person = await makePerson(database.db);
      const { messageId, sid } = await sendUpdate(person);
      await applyStatus(database.db, report(sid, status, { errorCode }));
      await applyStatus(database.db, report(sid, 'undelivered', { errorCode: 21610 }));
      const acts = await database.db.select().from(smsOptOuts).where(eq(smsOptOuts.phone, person.phone));
      expect(acts, String(errorCode)).toHaveLength(1);
      expect(await hasConsent(database.db, { ...person, scope: 'updates' })).toBe(false);
      expect((await readRetries(messageId)).filter((retry) => retry.status === 'queued')).toEqual([]);
      expect(await readText(database.db, messageId)).toMatchObject({ errorCode: 21610, reason: 'opted_out' });
    }
  });

  test('error 21610 of a text from before a START opts nobody out again', async () => {
    const person = await makePerson(database.db);
    const { sid } = await sendUpdate(person);
    await database.pool.query(
      `insert into sms_opt_outs (at, phone, act, channel, covers, recorded_by)
       values ($2, $1, 'lifted', 'text', '{verification,updates}', 'inbound_webhook')`,
      [person.phone, new Date(now.getTime() + 1_000)],
    );
    await applyStatus(database.db, report(sid, 'undelivered', { errorCode: 21610 }));
    const [number] = await database.db
      .select()
      .from(phoneNumbers)
      .where(eq(phoneNumbers.number, person.phone));
    expect(number?.suppressedAt ?? null).toBeNull();
    expect(await hasConsent(database.db, { ...person, scope: 'updates' })).toBe(true);
  });

  test('a delivery takes the mark off a number that was said not to take texts', async () => {
    const person = await makePerson(database.db);
    const { sid } = await sendUpdate(person);
    const readMark = async () =>
      (await database.db.select().from(phoneNumbers).where(eq(phoneNumbers.number, person.phone)))[0]!
        .undeliverableAt;
    await applyStatus(database.db, report(sid, 'undelivered', { errorCode: 30006 }));
    expect(await readMark()).toEqual(now);
    await applyStatus(database.db, report(sid, 'delivered'));
    expect(await readMark()).toBeNull();
  });

  test.each([30003, 30005, 30006, 21211, 21614])(
    'texts that fail with %i on three days put a number in doubt, unless one is delivered in between',
    async (errorCode) => {
      const dayMs = 24 * 3_600_000;
      const doubtAfter = async (days: readonly ('fails' | 'arrives')[]) => {
        const person = await makePerson(database.db);
        for (const [index, day] of days.entries()) {
          const at = { now: new Date(now.getTime() + index * dayMs) };
          const [status, code] = day === 'fails' ? ['undelivered', errorCode] : ['delivered', null];
          for (const { sid } of [await sendUpdate(person), await sendUpdate(person)]) {
            await applyStatus(
              database.db,
              report(sid, status as string, { errorCode: code as number, ...at }),
            );
          }
        }
        return readDoubt(await readNumber(database.db, person.phone));
      };
      expect(await doubtAfter(['fails', 'fails'])).toBeNull();
      expect(await doubtAfter(['fails', 'fails', 'arrives', 'fails'])).toBeNull();
      const since = new Date(now.getTime() + 2 * dayMs);
      expect(await doubtAfter(['fails', 'fails', 'fails'])).toEqual({ reason: 'dead_number', since });
      expect(await doubtAfter(['fails', 'fails', 'fails', 'arrives'])).not.toBeNull();
    },
  );

  test.each([[2], [3], [0]])(
    'a text that was told to have failed and was delivered leaves the same doubt in either order, behind %i dead days',
    async (days) => {
      const doubtAfter = async (last: readonly string[]) => {
        const person = await makePerson(database.db);
        const tell = async ({ sid }: { sid: string }, status: string, seconds: number) => {
          const errorCode = status === 'delivered' ? null : 30003;
          await applyStatus(
            database.db,
            report(sid, status, { errorCode, now: new Date(now.getTime() + seconds * 1000) }),
          );
        };
        // Far enough apart that the first lies too far back when the last fails.
        for (let day = 0; day < days; day += 1) {
          await tell(await sendUpdate(person), 'undelivered', day * 14 * 86_400);
        }
        const text = await sendUpdate(person);
        for (const [index, status] of last.entries()) await tell(text, status, 40 * 86_400 + index);
        const { deadTexts } = (await readNumber(database.db, person.phone))!;
        return { doubt: readDoubt(await readNumber(database.db, person.phone)), deadTexts };
      };
      const once = await doubtAfter(['delivered', 'undelivered']);
      expect(once.doubt === null).toBe(days < 3);
      for (const other of [
        ['undelivered', 'delivered'],
        ['failed', 'undelivered', 'delivered'],
        ['undelivered', 'delivered', 'undelivered'],
      ]) {
        expect(await doubtAfter(other)).toEqual(once);
      }
    },
  );

  test('texts that a carrier filters put no number in doubt', async () => {
    const person = await makePerson(database.db);
    const { sid } = await sendUpdate(person);
    await applyStatus(database.db, report(sid, 'undelivered', { errorCode: 30007 }));
    expect((await readNumber(database.db, person.phone))!.deadTexts).toEqual([]);
  });

  test('an error that is told again marks no number that has taken a text since, nor for longer than from the first time', async () => {
    const person = await makePerson(database.db);
    const readMark = async () =>
      (await database.db.select().from(phoneNumbers).where(eq(phoneNumbers.number, person.phone)))[0]!
        .undeliverableAt;
    const later = (hours: number) => ({ now: new Date(now.getTime() + hours * 3_600_000) });
    const failed = await sendUpdate(person);
    const other = await sendUpdate(person);
    await applyStatus(database.db, report(failed.sid, 'undelivered', { errorCode: 30005 }));
    expect(await readMark()).toEqual(now);
    // Its price is not told yet, so it is asked about for two days.
    await applyStatus(database.db, report(failed.sid, 'undelivered', { errorCode: 30005, ...later(20) }));
    await applyStatus(database.db, report(failed.sid, 'undelivered', { errorCode: 30006, ...later(21) }));
    await applyStatus(database.db, report(failed.sid, 'undelivered', { errorCode: 30006, ...later(22) }));
    expect(await readMark()).toEqual(now);
    await applyStatus(database.db, report(other.sid, 'delivered', later(23)));
    await applyStatus(database.db, report(failed.sid, 'undelivered', { errorCode: 30005, ...later(24) }));
    expect(await readMark()).toBeNull();
  });

  test('an unreachable handset is tried again as one new text, twice at most, however often the report comes', async () => {
    const person = await makePerson(database.db);
    let { messageId, sid } = await sendUpdate(person);
    for (const retries of [1, 2]) {
      await Promise.all(
        Array.from({ length: 4 }, () =>
          applyStatus(database.db, report(sid, 'undelivered', { messageId, errorCode: 30003 })),
        ),
      );
      const [retry, ...more] = await readRetries(messageId);
      expect(more).toEqual([]);
      expect(retry).toMatchObject({ status: 'queued', retries, phone: person.phone, countedAt: null });
      expect(retry!.sendAfter > now).toBe(true);
      messageId = retry!.id;
      sid = await markSent(messageId);
    }
    await applyStatus(database.db, report(sid, 'undelivered', { errorCode: 30003 }));
    expect(await readRetries(messageId)).toEqual([]);
  });

  test.each([30001, 30022, 30023, 30410, 30450])(
    'a text that no carrier delivers is repeated three times at most, for each is paid for: error %i',
    async (errorCode) => {
      let { messageId, sid } = await sendUpdate(await makePerson(database.db));
      for (const retries of [1, 2, 3]) {
        await applyStatus(database.db, report(sid, 'undelivered', { errorCode }));
        const [retry] = await readRetries(messageId);
        expect(retry).toMatchObject({ status: 'queued', retries });
        messageId = retry!.id;
        sid = await markSent(messageId);
      }
      await applyStatus(database.db, report(sid, 'undelivered', { errorCode }));
      expect(await readRetries(messageId)).toEqual([]);
      expect((await readText(database.db, messageId)).status).toBe('failed');
    },
  );

  test('a report whose SID is on another text is not ours, and changes neither', async () => {
    const person = await makePerson(database.db);
    const waiting = await askForUpdate(database.db, person);
    const { sid, messageId } = await sendUpdate(person);
    const mixed = report(sid, 'delivered', { messageId: waiting, to: person.phone });
    expect(await applyStatus(database.db, mixed)).toEqual({ ok: false, reason: 'not_ours' });
    expect(await readText(database.db, waiting)).toMatchObject({ status: 'queued', providerSid: null });
    expect(await readText(database.db, messageId)).toMatchObject({ status: 'sent', providerSid: sid });
  });

  test('a text that was thought unsent counts against the budgets once a report says that it went out', async () => {
    const person = await makePerson(database.db);
    const messageId = await askForUpdate(database.db, person, { now });
    const late = { messageId, to: person.phone, price: '-0.0083', priceUnit: 'USD' };
    await applyStatus(database.db, report(newSid(), 'delivered', late));
    expect(await sumSpend(database.db, 'all', now)).toBe(8300n);
  });

  test('an update that the provider held too long waits for the end of the quiet hours; a code is over', async () => {
    const person = await makePerson(database.db);
    const { messageId, sid } = await sendUpdate(person);
    const late = { errorCode: 30036 };
    for (let n = 0; n < 2; n += 1) {
      expect(await applyStatus(database.db, report(sid, 'failed', late))).toMatchObject({ alert: null });
    }
    expect(await readText(database.db, messageId)).toMatchObject({
      status: 'failed',
      reason: 'validity_over',
    });
    expect(await readRetries(messageId)).toMatchObject([
      { purpose: 'update', status: 'queued', sendAfter: now },
    ]);
    const code = await askForCode(database.db, await makePerson(database.db), now);
    const answer = await applyStatus(database.db, report(await markSent(code.messageId), 'failed', late));
    expect(answer).toMatchObject({ alert: null });
    expect(await readRetries(code.messageId)).toEqual([]);
  });

  test('a code is not tried again when the next try would come after its expiry', async () => {
    const person = await makePerson(database.db);
    const { messageId } = await askForCode(database.db, person, now);
    const sid = await markSent(messageId);
    await applyStatus(database.db, report(sid, 'failed', { errorCode: 30450 }));
    expect(await readRetries(messageId)).toEqual([]);
    const second = await askForCode(database.db, await makePerson(database.db), now);
    const secondSid = await markSent(second.messageId);
    await applyStatus(database.db, report(secondSid, 'undelivered', { errorCode: 30008 }));
    const [retry] = await readRetries(second.messageId);
    expect(retry).toMatchObject({ challengeId: second.challengeId, purpose: 'verification' });
    expect(retry!.sendAfter.getTime() - now.getTime()).toBeLessThan(10_000);
  });

  test('a delivery after all withdraws the repetition that still waits', async () => {
    const { messageId, sid } = await sendUpdate(await makePerson(database.db));
    await applyStatus(database.db, report(sid, 'undelivered', { errorCode: 30003 }));
    await applyStatus(database.db, report(sid, 'delivered'));
    expect(await readText(database.db, messageId)).toMatchObject({
      status: 'delivered',
      errorCode: null,
      reason: null,
    });
    expect((await readRetries(messageId))[0]).toMatchObject({ status: 'canceled', reason: 'delivered' });
  });

  test('one report that a sender is not registered stops it only if none of its texts was delivered lately; the operator is told', async () => {
    const sent = (more: Partial<typeof smsMessages.$inferInsert>) =>
      database.db.update(smsMessages).set({ attemptedAt: now, ...more });
    const person = await makePerson(database.db);
    const other = await sendUpdate(person);
    const failed = await sendUpdate(person);
    await sent({});
    await applyStatus(database.db, report(other.sid, 'delivered'));
    const told = await applyStatus(database.db, report(failed.sid, 'undelivered', { errorCode: 30034 }));
    expect(told).toMatchObject({ ok: true, alert: 'sender_not_registered' });
    expect((await database.db.select().from(smsSenders)).filter(({ stoppedUntil }) => stoppedUntil)).toEqual(
      [],
    );
    // Ten minutes later that delivery says nothing any more, and another sender's never does.
    const later = new Date(now.getTime() + 11 * 60_000);
    await database.db
      .update(smsMessages)
      .set({ sender: '+15005550009', deliveredAt: later })
      .where(eq(smsMessages.id, (await sendUpdate(person)).messageId));
    const next = await sendUpdate(person);
    await sent({ attemptedAt: later });
    await applyStatus(database.db, report(next.sid, 'undelivered', { errorCode: 30034, now: later }));
    const [stop] = await database.db.select().from(smsSenders).where(eq(smsSenders.sender, fromPhone));
    expect(stop).toMatchObject({ stoppedReason: 'sender_not_registered' });
  });

  test('what a sender delivered counts for it, however many texts other senders send after that', async () => {
    const codesPhone = '+15005550016';
    const person = await makePerson(database.db);
    const isStopped = async () =>
      (await database.db.select().from(smsSenders)).some(({ stoppedUntil }) => stoppedUntil !== null);
    const [delivered, ...failed] = [
      await sendUpdate(person),
      await sendUpdate(person),
      await sendUpdate(person),
    ] as const;
    await database.db.update(smsMessages).set({ sender: codesPhone, attemptedAt: now });
    await applyStatus(database.db, report(delivered.sid, 'delivered'));
    const newer = sql`${now.toISOString()}::timestamptz + n * interval '0.1 seconds'`;
    await database.db.execute(sql`
      insert into sms_messages (id, phone, purpose, template, created_at, send_after, status, sender, attempted_at, delivered_at)
      select gen_random_uuid(), '+1213' || (3000000 + n), 'update', 'applicationStatus', now(), now(), 'delivered', ${fromPhone},
        ${newer}, ${newer} from generate_series(1, 600) n`);
    await applyStatus(database.db, report(failed[0].sid, 'undelivered', { errorCode: 30034 }));
    expect(await isStopped()).toBe(false);
    // A late report of a text that was sent long ago says nothing.
    await database.db
      .update(smsMessages)
      .set({ attemptedAt: new Date(now.getTime() - 2 * 3600_000) })
      .where(eq(smsMessages.id, delivered.messageId));
    await applyStatus(database.db, report(failed[1].sid, 'undelivered', { errorCode: 30034 }));
    expect(await isStopped()).toBe(true);
  });

  test('a sender that is not registered is stopped and the operator told; a rate limit slows it', async () => {
    const person = await makePerson(database.db);
    const slowed = await sendUpdate(person);
    expect(await applyStatus(database.db, report(slowed.sid, 'failed', { errorCode: 30022 }))).toMatchObject({
      alert: null,
    });
    const [slow] = await database.db.select().from(smsSenders);
    expect(slow).toMatchObject({ sender: fromPhone, stoppedUntil: null });
    expect(slow!.nextSlotAt > now).toBe(true);
    const stopped = await sendUpdate(person);
    expect(await applyStatus(database.db, report(stopped.sid, 'failed', { errorCode: 30034 }))).toMatchObject(
      {
        alert: 'sender_not_registered',
      },
    );
    const [stop] = await database.db.select().from(smsSenders);
    expect(stop).toMatchObject({ stoppedReason: 'sender_not_registered' });
    expect(stop!.stoppedUntil! > now).toBe(true);
  });

  test('a sender that no carrier takes rests a quarter of an hour, repeats nothing, and only a delivery ends that', async () => {
    const person = await makePerson(database.db);
    const refused = await sendUpdate(person);
    await applyStatus(database.db, report(refused.sid, 'undelivered', { errorCode: 30034 }));
    expect(await readRetries(refused.messageId)).toEqual([]);
    const readStop = async () => (await database.db.select().from(smsSenders))[0]!.stoppedUntil;
    expect((await readStop())!.getTime() - now.getTime()).toBe(15 * 60_000);
    await resumeSender(database.db, fromPhone, 'accepted');
    expect(await readStop()).not.toBeNull();
    const { sid } = await sendUpdate(person);
    await applyStatus(database.db, report(sid, 'delivered'));
    expect(await readStop()).toBeNull();
  });

  test.each([21610, 30005, 30003, 30036])(
    'a failure (%i) of a text whose number was erased settles it, and touches no number',
    async (errorCode) => {
      const { messageId, sid } = await sendUpdate(await makePerson(database.db));
      await database.db
        .update(smsMessages)
        .set({ phone: '', userId: null, params: { title: '', status: '', url: '' } })
        .where(eq(smsMessages.id, messageId));
      const failed = report(sid, 'undelivered', { messageId, errorCode });
      expect(await applyStatus(database.db, failed)).toMatchObject({ ok: true, changed: true });
      expect(await readText(database.db, messageId)).toMatchObject({ status: 'failed', errorCode });
      expect(await readRetries(messageId)).toEqual([]);
      const rows = await database.db.select().from(phoneNumbers).where(eq(phoneNumbers.number, ''));
      expect(rows).toEqual([]);
    },
  );
});

describe('reconcileTexts', () => {
  let fake: FakeTwilio;

  beforeEach(async () => {
    fake = await startFakeTwilio({ accountSid, authToken });
  });
  afterEach(() => fake.stop());

  function provider() {
    const env = makeEnv(database.url, twilioVariables(fake.url));
    return openTwilio({ ...env.twilio!, appUrl: env.appUrl, isPublic: env.isPublic });
  }

  function sendText(to: string, messageId: string) {
    const text = {
      to,
      body: 'x',
      purpose: 'update',
      messageId,
      validitySeconds: null,
      riskCheck: false,
    } as const;
    return provider().sendText(text);
  }

  async function sendOne() {
    const person = await makePerson(database.db);
    const { messageId } = await sendUpdate(person);
    const sent = await sendText(person.phone, messageId);
    if (sent.outcome !== 'accepted') throw new Error('not accepted');
    await database.db.update(smsMessages).set({ providerSid: sent.sid }).where(eq(smsMessages.id, messageId));
    return { messageId, text: fake.texts.at(-1)! };
  }

  test('finds out what lost callbacks would have said, then the price, then asks no more', async () => {
    const { messageId, text } = await sendOne();
    await fake.report(text, { status: 'delivered' }, { callback: false });
    expect(await reconcileTexts(database.db, provider(), { now, log })).toBe(1);
    const delivered = await readText(database.db, messageId);
    expect(delivered).toMatchObject({ status: 'delivered', priceSettledAt: null, reconciledAt: now });
    expect(delivered.checkAt! > now).toBe(true);
    fake.settle(text, '-0.00830');
    const later = new Date(now.getTime() + 3600_000);
    expect(await reconcileTexts(database.db, provider(), { now: later, log })).toBe(1);
    expect(await readText(database.db, messageId)).toMatchObject({ price: '0.008300', checkAt: null });
    expect(await reconcileTexts(database.db, provider(), { now: new Date(now.getTime() + 9e7), log })).toBe(
      0,
    );
  });

  test.each(['294000-01-01', 'infinity', '-infinity', '4000-01-01 BC'])(
    'a text that says it was sent at %s keeps no other from being asked about',
    async (moment) => {
      const broken = await sendOne();
      const { messageId, text } = await sendOne();
      await database.db.execute(sql`
        update sms_messages set sent_at = ${moment}::timestamptz, check_at = ${now.toISOString()} where id = ${broken.messageId}`);
      await fake.report(text, { status: 'delivered' }, { callback: false });
      await fake.report(broken.text, { status: 'delivered' }, { callback: false });
      expect(await reconcileTexts(database.db, provider(), { now, log })).toBe(2);
      expect(await readText(database.db, messageId)).toMatchObject({ status: 'delivered' });
    },
  );

  /** Texts of one person that were accepted at these moments, and reported by no callback. */
  async function sendMany(count: number, acceptedAt: (index: number) => Date) {
    const person = await makePerson(database.db);
    const sent: { messageId: string; text: FakeText }[] = [];
    for (let index = 0; index < count; index += 1) {
      const { messageId } = await sendUpdate(person);
      const answer = await sendText(person.phone, messageId);
      if (answer.outcome !== 'accepted') throw new Error('not accepted');
      await database.db
        .update(smsMessages)
        .set({ providerSid: answer.sid, sentAt: acceptedAt(index) })
        .where(eq(smsMessages.id, messageId));
      const text = fake.texts.at(-1)!;
      text.createdAt = acceptedAt(index);
      text.sentAt = new Date(acceptedAt(index).getTime() + 2_000);
      await fake.report(text, { status: 'delivered' }, { callback: false });
      fake.settle(text, '-0.0083');
      sent.push({ messageId, text });
    }
    fake.requests.length = 0;
    return sent;
  }

  const settledOf = async (texts: { messageId: string }[]) => {
    const rows = await Promise.all(texts.map(({ messageId }) => readText(database.db, messageId)));
    return rows.filter((row) => row.price === '0.008300' && row.checkAt === null).length;
  };

  test('two hundred texts among many others take a handful of requests, not two hundred', async () => {
    const texts = await sendMany(200, (index) => new Date(now.getTime() + index * 1_000));
    for (let index = 0; index < 500; index += 1) {
      const at = new Date(now.getTime() + index * 400);
      fake.texts.push({ ...texts[0]!.text, sid: `SM${index}`, createdAt: at, sentAt: at });
    }
    const [queued, elsewhere] = texts;
    queued!.text.sentAt = null;
    elsewhere!.text.from = '+12125550999';
    expect(await reconcileTexts(database.db, provider(), { now, log })).toBe(200);
    expect(await settledOf(texts)).toBe(200);
    expect(fake.surveys).toHaveLength(4);
    expect(fake.requests.map(({ kind }) => kind)).toEqual(['fetch', 'fetch']);
  });

  test('a list of many others is read no further, and texts far from each other are asked about one by one', async () => {
    const texts = [
      ...(await sendMany(6, (index) => new Date(now.getTime() + index))),
      ...(await sendMany(3, (index) => new Date(now.getTime() + (index + 1) * 3600_000))),
    ];
    for (let index = 0; index < 500; index += 1) {
      const others = { ...texts[0]!.text, sid: `SM${index}`, createdAt: new Date(now.getTime() + 20_000) };
      fake.texts.push({ ...others, sentAt: others.createdAt });
    }
    expect(await reconcileTexts(database.db, provider(), { now, log })).toBe(9);
    expect(await settledOf(texts)).toBe(9);
    expect([fake.surveys.length, fake.requests.length]).toEqual([1, 9]);
  });

  test('where the provider does not answer, a round asks about few', async () => {
    const texts = await sendMany(40, () => now);
    fake.onRead = () => ({ httpStatus: 503 });
    expect(await reconcileTexts(database.db, provider(), { now, log })).toBe(40);
    expect(fake.surveys.length + fake.requests.length).toBeLessThanOrEqual(11);
    fake.onRead = () => null;
    await reconcileTexts(database.db, provider(), { now: new Date(now.getTime() + 3600_000), log });
    expect(await settledOf(texts)).toBe(40);
  });

  test('several processes at the same moment ask about a text once', async () => {
    await sendOne();
    const asked = await Promise.all(
      Array.from({ length: 4 }, () => reconcileTexts(database.db, provider(), { now, log })),
    );
    expect(asked.reduce((sum, count) => sum + count, 0)).toBe(1);
  });

  test('asks about the texts of an earlier sender too, and one that cannot be taken in keeps no other waiting', async () => {
    const [odd, other] = [await sendOne(), await sendOne()];
    await database.db.update(smsMessages).set({ sender: '+12125550999' });
    fake.report(other.text, { status: 'delivered' }, { callback: false });
    const honest = provider();
    const half: Provider = {
      ...honest,
      readText: async (sid) => {
        const asked = await honest.readText(sid);
        return sid === odd.text.sid && asked.ok && asked.text
          ? { ok: true, text: { ...asked.text, segments: 99_999_999_999 } }
          : asked;
      },
    };
    expect(await reconcileTexts(database.db, half, { now, log })).toBe(2);
    expect((await readText(database.db, other.messageId)).status).toBe('delivered');
    expect((await readText(database.db, odd.messageId)).status).toBe('sent');
  });

  test('a provider that does not answer is asked again later; after two days no more', async () => {
    const { messageId } = await sendOne();
    fake.onRead = () => ({ httpStatus: 500 });
    await reconcileTexts(database.db, provider(), { now, log });
    const row = await readText(database.db, messageId);
    expect(row.status).toBe('sent');
    expect(row.checkAt! > now).toBe(true);
    await reconcileTexts(database.db, provider(), { now: new Date(now.getTime() + 49 * 3600_000), log });
    expect((await readText(database.db, messageId)).checkAt).toBeNull();
  });
});
