import { asc, eq, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { sayTimes } from '@/app/_format/say-times';
import { smsVerificationLog } from '@/db/schema/sms';
import { readActivity } from '@/lib/auth/settings/activity';
import { listAttempts } from '@/lib/reporting/verification-attempts';
import { requestCode } from '@/lib/sms/verification/request';
import { codesInLine } from '@/lib/sms/capacity/send-order';
import { lockNumber } from '@/lib/sms/numbers/number';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { checkCode } from '@/lib/sms/verification/check-code';
import { type ProverHere } from '@/lib/sms/verification/prover';
import { findAskers, logVerification, readLastVerification } from '@/lib/sms/verification/verification-log';
import { useDatabase } from '../../../support/database';
import { after, contextAt, givePerson, newPhone, noon } from '../../../support/people';
import { readExport } from '../../../support/read-export';

const database = useDatabase();

beforeEach(async () => {
  await database.pool.query('truncate sms_verification_log, rate_limits, sms_messages cascade');
});

const readLog = () => database.db.select().from(smsVerificationLog).orderBy(asc(smsVerificationLog.id));

async function giveProver(phone: string): Promise<ProverHere & { phone: string }> {
  const { userId } = await givePerson(database.db, { active: false, phone, agreed: true });
  return { userId, role: 'applicant', phone, purpose: 'activate', readFrom: { pendingToken: '' } };
}

/** A check that is refused, since no code was ever asked for. */
async function beRefused(prover: ProverHere, at: Date, address: string): Promise<void> {
  const checked = await checkCode(database.db, prover, '123456', contextAt(at, address));
  expect(checked).toEqual({ ok: false, reason: 'no_challenge' });
}

function ask({ userId, phone }: { userId: string; phone: string }, at: Date, address: string) {
  return database.db.transaction(async (tx) =>
    requestCode(
      tx,
      { userId, purpose: 'activate', number: await lockNumber(tx, phone) },
      contextAt(at, address),
    ),
  );
}

describe('refusals of one kind, number and hour', () => {
  test('are one row, with how often, first and last, and from how many networks and accounts', async () => {
    const phone = newPhone();
    const [one, two] = [await giveProver(phone), await giveProver(phone)];
    for (let times = 0; times < 30; times += 1) {
      await beRefused(times % 3 === 0 ? two : one, after(noon, times * 60), `198.51.100.${1 + (times % 5)}`);
    }
    const [row, ...more] = await readLog();
    expect(more).toEqual([]);
    expect(row).toMatchObject({
      event: 'check_refused',
      reason: 'no_challenge',
      phone,
      times: 30,
      at: noon,
      lastAt: after(noon, 29 * 60),
      // Whatever they differ in is nobody's in particular.
      userId: null,
      address: null,
      userAgent: 'test',
    });
    expect(Object.keys(row!.networks!)).toHaveLength(5);
    expect(row!.accounts).toEqual({
      [one.userId]: [20, after(noon, 29 * 60).getTime()],
      [two.userId]: [10, after(noon, 27 * 60).getTime()],
    });
    const seen = await listAttempts(database.db, { subject: null, failuresOnly: false, before: null }, 10);
    expect(seen.attempts).toMatchObject([{ times: 30, networks: 5, accounts: 2, lastAt: after(noon, 1740) }]);
    expect(sayTimes(seen.attempts[0]!)).toBe('30 times, from 5 networks, by 2 accounts');
  });

  test.each([
    ['accounts', '[]'],
    ['accounts', '"s"'],
    ['accounts', 'own'],
    ['accounts', '{"x": [1e300, -5]}'],
    ['networks', '[]'],
    ['networks', '5'],
    ['networks', '{"x": {"y": null}}'],
  ])('go on being counted where a broken row has odd %s: %s', async (column, value) => {
    const prover = await giveProver(newPhone());
    await beRefused(prover, noon, '198.51.100.1');
    const odd = value === 'own' ? JSON.stringify({ [prover.userId]: 'x' }) : value;
    await database.pool.query(`update sms_verification_log set ${column} = $1::jsonb`, [odd]);
    await beRefused(prover, after(noon, 60), '198.51.100.1');
    const [row] = await readLog();
    expect(row).toMatchObject({
      times: 2,
      accounts: { [prover.userId]: [expect.any(Number), after(noon, 60).getTime()] },
    });
  });

  test('two hundred at the same instant are counted, each once', async () => {
    const prover = await giveProver(newPhone());
    await Promise.all(
      Array.from({ length: 200 }, (_, index) => beRefused(prover, noon, `198.51.100.${index % 250}`)),
    );
    const log = await readLog();
    expect(log).toMatchObject([{ times: 200, accounts: { [prover.userId]: [200, noon.getTime()] } }]);
    // A hundred networks are told apart; more of them only count.
    expect(Object.keys(log[0]!.networks!)).toHaveLength(100);
  });

  test('of another hour, number or kind are another row', async () => {
    const [one, two] = [await giveProver(newPhone()), await giveProver(newPhone())];
    await beRefused(two, noon, '198.51.100.1');
    await beRefused(one, noon, '198.51.100.1');
    await beRefused(one, after(noon, 3599), '198.51.100.1');
    await beRefused(one, after(noon, 3600), '198.51.100.1');
    expect((await ask(one, after(noon, 3601), '198.51.100.1')).ok).toBe(true);
    await ask(one, after(noon, 3602), '198.51.100.1');
    await ask(one, after(noon, 3603), '198.51.100.1');
    expect((await readLog()).map(({ event, reason, times }) => [event, reason, times])).toEqual([
      ['check_refused', 'no_challenge', 1],
      ['check_refused', 'no_challenge', 2],
      ['check_refused', 'no_challenge', 1],
      ['send_requested', null, 1],
      ['send_refused', 'too_soon', 2],
    ]);
  });

  test('because of a STOP stay rows of their own, since they are evidence', async () => {
    const prover = await giveProver(newPhone());
    await database.db.transaction((tx) => optOut(tx, { phone: prover.phone, by: 'sms_stop', now: noon }));
    for (let times = 0; times < 3; times += 1) await ask(prover, after(noon, times), '198.51.100.1');
    expect((await readLog()).map(({ reason, times }) => [reason, times])).toEqual(
      Array(3).fill(['stopped', 1]),
    );
  });

  test('for want of consent stay rows of their own too', async () => {
    const { userId, phone } = await giveProver(newPhone());
    for (const reason of ['no_consent', 'no_consent', 'too_soon', 'too_soon']) {
      await logVerification(database.db, 'send_refused', { userId, phone, reason }, contextAt(noon));
    }
    expect((await readLog()).map(({ reason, times }) => [reason, times])).toEqual([
      ['no_consent', 1],
      ['no_consent', 1],
      ['too_soon', 2],
    ]);
  });
});

describe('a row that several accounts have a part in', () => {
  async function shareARow() {
    const phone = newPhone();
    const [one, two] = [await giveProver(phone), await giveProver(phone)];
    for (let times = 0; times < 3; times += 1) await beRefused(one, after(noon, times), '198.51.100.1');
    for (let times = 5; times < 12; times += 1) await beRefused(two, after(noon, times), '203.0.113.9');
    return { phone, one, two };
  }

  test('tells each of them how often they were refused, and nothing of the others', async () => {
    const { one, two } = await shareARow();
    for (const [{ userId }, times, last] of [
      [one, 3, 2],
      [two, 7, 11],
    ] as const) {
      const activity = (await readActivity(database.db, userId, 10)).filter(
        ({ what }) => what === 'check_refused',
      );
      expect(activity).toMatchObject([{ times, lastAt: after(noon, last), address: null }]);
      expect(sayTimes(activity[0]!)).toBe(`${times} times`);
      const data = await readExport(database.db, userId, contextAt(after(noon, 60)));
      expect(data!.verifications).toMatchObject([
        { event: 'check_refused', times, lastAt: after(noon, last).toISOString() },
      ]);
      expect(JSON.stringify(data)).not.toContain(userId === one.userId ? '203.0.113.9' : '198.51.100.1');
      expect(JSON.stringify(data)).not.toContain(userId === one.userId ? two.userId : one.userId);
    }
  });

  test('is the last that happened only to whom it happened last', async () => {
    const { one, two } = await shareARow();
    expect((await ask(one, after(noon, 4), '198.51.100.1')).ok).toBe(true);
    expect(await readLastVerification(database.db, one.userId)).toMatchObject({ event: 'send_requested' });
    expect(await readLastVerification(database.db, two.userId)).toMatchObject({
      event: 'check_refused',
      lastAt: after(noon, 11),
    });
  });

  test('names all who asked for a code, the last first', async () => {
    const phone = newPhone();
    const provers = [await giveProver(phone), await giveProver(phone), await giveProver(phone)];
    for (const [index, prover] of provers.slice(0, 2).entries()) {
      expect((await ask(prover, after(noon, index), `198.51.100.${index}`)).ok).toBe(true);
      await ask(prover, after(noon, 10 + index), '198.51.100.1');
    }
    const { rows } = await database.db.execute(
      sql`select 1 from sms_verification_log where user_id is null and reason = 'too_soon'`,
    );
    expect(rows).toHaveLength(1);
    const askers = await database.db.transaction((tx) => findAskers(tx, phone, noon));
    expect(askers).toEqual([provers[1]!.userId, provers[0]!.userId]);
    await database.db.insert(smsVerificationLog).values({
      at: after(noon, 60),
      event: 'skipped',
      phone,
      userId: provers[1]!.userId,
    });
    expect(await database.db.transaction((tx) => findAskers(tx, phone, noon))).toEqual([provers[0]!.userId]);
  });
});

test('a network that was refused often waits as far back in the line as if each refusal were a row', async () => {
  const now = new Date();
  const phone = newPhone();
  const provers = [await giveProver(phone), await giveProver(phone)];
  const asked = async () => {
    const { rows } = await database.db.execute<{ asked: number }>(
      sql`select asked::int from (${codesInLine(sql`${after(now, 30).toISOString()}::timestamptz`)}) line order by id`,
    );
    return rows.map((row) => row.asked);
  };
  expect((await ask(provers[0]!, now, '203.0.113.1')).ok).toBe(true);
  for (let times = 0; times < 6; times += 1) await ask(provers[0]!, after(now, 1), '203.0.113.1');
  expect(await asked()).toEqual([7]);
  // Someone else is refused for the same number in the same hour: each network keeps what it did itself.
  expect((await ask(provers[1]!, after(now, 2), '198.51.100.1')).ok).toBe(true);
  for (let times = 0; times < 2; times += 1) await ask(provers[1]!, after(now, 3), '198.51.100.1');
  expect((await asked()).sort()).toEqual([3, 7]);
  await database.db.delete(smsVerificationLog).where(eq(smsVerificationLog.event, 'send_requested'));
  expect((await asked()).sort()).toEqual([2, 6]);
});
