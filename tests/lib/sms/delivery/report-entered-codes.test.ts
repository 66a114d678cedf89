import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eq } from 'drizzle-orm';
import { smsEnteredCodes, smsMessages } from '@/db/schema/sms';
import { openLog } from '@/lib/log';
import { reportEnteredCodes } from '@/lib/sms/delivery/report-entered-codes';
import { openConsole } from '@/lib/sms/provider/console';
import { checkCode } from '@/lib/sms/verification/check-code';
import { sendCode } from '@/lib/sms/verification/send-code';
import { recordStatements, useDatabase } from '../../../support/database';
import { openFakeProvider } from '../../../support/fake-provider';
import { startFakeTwilio, type FakeTwilio } from '../../../support/fake-twilio';
import { after, contextAt, givePending, newPhone, noon, wrongCodes } from '../../../support/people';
import { withSettings } from '../../../support/settings';
import { accountSid, authToken } from '../../../support/texts';

const database = useDatabase();

let fake: FakeTwilio;
let lines: string[];

beforeEach(async () => {
  fake = await startFakeTwilio({ accountSid, authToken });
  lines = [];
  await database.db.delete(smsEnteredCodes);
});
afterEach(() => fake.stop());

const open = () => openFakeProvider(fake);

function report(now: Date, provider: ReturnType<typeof open> = open()): Promise<number> {
  const log = openLog({ level: 'info', write: (line) => lines.push(line) });
  return reportEnteredCodes({ db: database.db, provider, log }, now);
}

type Pending = Awaited<ReturnType<typeof givePending>>;

/** Has the texts that wait for a person sent, one after the other, as far as Twilio and the outbox are concerned. */
async function send(person: Pending, status = 'delivered'): Promise<string> {
  await open().sendText({
    ...{ to: person.phone, body: 'code', purpose: 'verification', messageId: person.challengeId },
    ...{ validitySeconds: 300, riskCheck: true },
  });
  const { sid } = fake.texts.at(-1)!;
  const [text] = await database.db
    .update(smsMessages)
    .set({ status: status as 'delivered', providerSid: sid })
    .where(eq(smsMessages.id, (await waiting(person))!))
    .returning();
  return text!.providerSid!;
}

async function waiting({ challengeId }: Pending): Promise<string | undefined> {
  const texts = await database.db.select().from(smsMessages).where(eq(smsMessages.challengeId, challengeId));
  return texts.find(({ status }) => status === 'queued')?.id;
}

const enter = (person: Pending, code: string, now: Date) =>
  withSettings({ smsBackend: 'twilio' }, () => checkCode(database.db, person, code, contextAt(now)));

/** Someone whose code was sent at noon, and entered a minute later. */
async function entered(): Promise<{ person: Pending; sid: string }> {
  const person = await givePending(database.db, newPhone());
  const sid = await send(person);
  expect(await enter(person, person.code, after(noon, 60))).toMatchObject({ ok: true });
  return { person, sid };
}

const told = () => Object.fromEntries(fake.texts.map(({ sid, feedback }) => [sid, feedback]));

describe('a code that was entered', () => {
  test('is told once, of the text that carried it, and nothing is told of wrong ones', async () => {
    const { sid } = await entered();
    const other = await givePending(database.db, newPhone());
    const unsaid = await send(other);
    await enter(other, wrongCodes(other.code, 1)[0]!, after(noon, 60));
    expect(await report(after(noon, 60))).toBe(1);
    expect(await report(after(noon, 3600))).toBe(0);
    expect(told()).toEqual({ [sid]: ['confirmed'], [unsaid]: [] });
  });

  test('is told of the last of several texts that was not reported as failed', async () => {
    const person = await givePending(database.db, newPhone());
    await send(person);
    const again = async (seconds: number, status: string) => {
      expect(await sendCode(database.db, person, contextAt(after(noon, seconds)))).toEqual({ ok: true });
      return send(person, status);
    };
    const second = await again(40, 'sent');
    await again(100, 'failed');
    await enter(person, person.code, after(noon, 120));
    await report(after(noon, 120));
    expect(told()[second]).toEqual(['confirmed']);
    expect(Object.values(told()).flat()).toHaveLength(1);
  });

  test('is told by one of two processes', async () => {
    for (let nth = 0; nth < 10; nth += 1) await entered();
    const due = await Promise.all([report(after(noon, 60)), report(after(noon, 60))]);
    expect(due[0]! + due[1]!).toBe(10);
    expect(Object.values(told())).toEqual(Array(10).fill(['confirmed']));
  });

  test('adds no statement to the check, and is not written down for the console', async () => {
    const onConsole = await givePending(database.db, newPhone());
    const checks = await recordStatements(database.pool, async () => {
      await checkCode(database.db, onConsole, onConsole.code, contextAt(noon));
    });
    expect(await database.db.$count(smsEnteredCodes)).toBe(0);
    const person = await givePending(database.db, newPhone());
    const withTwilio = await recordStatements(database.pool, () => enter(person, person.code, noon));
    expect(await database.db.$count(smsEnteredCodes)).toBe(1);
    expect(withTwilio).toHaveLength(checks.length);
  });

  test('nothing is told by the console', async () => {
    await entered();
    expect(await report(after(noon, 60), openConsole())).toBe(0);
    expect(Object.values(told()).flat()).toEqual([]);
  });
});

describe('what could not be told', () => {
  test.each([2_147_483_647, -2_147_483_648])(
    'keeps nothing else from being told, however many tries its row says (%d)',
    async (tries) => {
      await entered();
      await database.db.update(smsEnteredCodes).set({ tries });
      await entered();
      expect(await report(after(noon, 60))).toBe(2);
      expect(Object.values(told())).toContainEqual(['confirmed']);
    },
  );

  test.each(['reset', { httpStatus: 429, code: 20429 }, { httpStatus: 500 }] as const)(
    'is told again after ten seconds and twice as long each time, nine times (%j)',
    async (answer) => {
      await entered();
      fake.onFeedback = () => answer;
      let seconds = 60;
      const tries: number[] = [];
      for (let nth = 0; nth < 9; nth += 1) {
        expect(await report(after(noon, seconds - 1))).toBe(0);
        tries.push(await report(after(noon, seconds)));
        seconds += 10 * 2 ** nth;
      }
      expect(tries).toEqual(Array(9).fill(1));
      expect(fake.surveys).toHaveLength(9);
      expect(lines.join()).toMatch(/sms_feedback_given_up.*tries=9/);
      expect(await database.db.$count(smsEnteredCodes)).toBe(0);
    },
  );

  test('is told in the end, where the provider answers again', async () => {
    const { sid } = await entered();
    fake.onFeedback = () => ({ httpStatus: 503 });
    await report(after(noon, 60));
    fake.onFeedback = () => null;
    expect(await report(after(noon, 70))).toBe(1);
    expect(told()).toEqual({ [sid]: ['confirmed'] });
  });

  test('is told after the next start where the dispatcher was being stopped', async () => {
    const { sid } = await entered();
    const log = openLog({ level: 'info', write: (line) => lines.push(line) });
    const stopping = AbortSignal.abort();
    await reportEnteredCodes({ db: database.db, provider: open(), log }, after(noon, 60), stopping);
    expect(fake.surveys).toEqual([]);
    expect(await report(after(noon, 70))).toBe(1);
    expect(told()).toEqual({ [sid]: ['confirmed'] });
  });

  test('is given up at once where the provider knows no such text', async () => {
    await entered();
    fake.texts.length = 0;
    expect(await report(after(noon, 60))).toBe(1);
    expect(lines.join()).toContain('http_404');
    expect(await database.db.$count(smsEnteredCodes)).toBe(0);
  });

  test('waits for the text’s SID where that is not known yet, and asks nothing without one', async () => {
    const person = await givePending(database.db, newPhone());
    await enter(person, person.code, after(noon, 8));
    expect(await report(after(noon, 8))).toBe(1);
    expect(fake.surveys).toEqual([]);
    const sid = await send(person);
    expect(await report(after(noon, 18))).toBe(1);
    expect(told()).toEqual({ [sid]: ['confirmed'] });
  });
});
