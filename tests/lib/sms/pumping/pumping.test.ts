import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { issuePendingToken } from '@/lib/accounts/pending';
import type { PumpingGuard } from '@/lib/env';
import { env } from '@/lib/env';
import { keepHouseByBothClocks } from '@/lib/housekeeping';
import { spendMark } from '@/lib/sms/capacity/budget';
import { lockNumber } from '@/lib/sms/numbers/number';
import { readScopeCounts } from '@/lib/sms/pumping/close-scopes';
import type { ScopeCounts } from '@/lib/sms/pumping/closing-rule';
import { countCodes } from '@/lib/sms/pumping/count-codes';
import { endOrder, giveOrder, numberScope, prefixScope } from '@/lib/sms/pumping/orders';
import { codesOf } from '@/lib/sms/verification/challenge';
import { checkCode } from '@/lib/sms/verification/check-code';
import { requestCode } from '@/lib/sms/verification/request';
import { skipVerification } from '@/lib/sms/verification/skip-verification';
import { readVerificationState } from '@/lib/sms/verification/state';
import { giveAskedCodes, type AskedCode } from '../../../support/codes-asked';
import { recordStatements, useDatabase } from '../../../support/database';
import { after, contextAt, givePerson, noon } from '../../../support/people';
import { withSettings } from '../../../support/settings';

const database = useDatabase();
const hour = 3600;
const prefix = '+1212555';
let someone: string;

beforeEach(async () => {
  await database.db.execute(
    sql`truncate sms_messages, sms_verification_log, pumping_sums, pumping_pairs, pumping_progress, pumping_orders, phone_numbers,
      rate_limits, users cascade`,
  );
  someone = (await givePerson(database.db, { active: true })).userId;
});

const markOf = (address: string) => spendMark(env().authSecrets[0], 'network', address);
const phoneOf = (n: number, of = prefix) => `${of}${String(n).padStart(4, '0')}`;

/** Codes at one moment, of as many networks as codes, unless they are told. */
const codesAt = (at: Date, count: number, more: Partial<AskedCode> = {}, first = 0): AskedCode[] =>
  Array.from({ length: count }, (_, n) => ({
    at: after(at, n),
    phone: phoneOf(first + n),
    network: markOf(`198.51.${Math.floor((first + n) / 250)}.${(first + n) % 250}`),
    verified: false,
    userId: someone,
    ...more,
  }));

async function countAll(now: Date, limit = 1_000): Promise<number> {
  let all = 0;
  for (let read = limit; read === limit; all += read) read = await countCodes(database.db, now, limit);
  return all;
}

async function listClosed(): Promise<{ scope: string; hours: number; window: string; unverified: number }[]> {
  const { rows } = await database.db.execute<{
    scope: string;
    hours: number;
    window: string;
    unverified: number;
  }>(sql`
    select scope, (extract(epoch from ends_at - begun_at) / 3600)::float8 as hours, figures ->> 'window' as window,
      (figures ->> 'unverified')::int as unverified
    from pumping_orders where kind = 'closed' order by begun_at, scope`);
  return rows;
}

const readSums = async () => {
  const { rows } = await database.db.execute(sql`
    select scope, hour, verified, unverified from pumping_sums union all
    select prefix || network, hour, 0, unverified from pumping_pairs order by 1, 2, 3, 4`);
  return rows;
};

describe('counting', () => {
  test('a code counts once its time is over, and never twice', async () => {
    await giveAskedCodes(database.db, codesAt(noon, 3));
    expect(await countAll(after(noon, 600))).toBe(0);
    expect(await countAll(after(noon, 720))).toBe(3);
    expect(await countAll(after(noon, 900))).toBe(0);
    expect(await readSums()).toContainEqual({
      scope: 'all',
      hour: expect.anything(),
      verified: 0,
      unverified: 3,
    });
  });

  test('twenty of twenty networks close a prefix, nineteen do not', async () => {
    await giveAskedCodes(database.db, codesAt(noon, 19));
    await countAll(after(noon, 800));
    expect(await listClosed()).toEqual([]);
    await giveAskedCodes(database.db, codesAt(after(noon, 900), 1, {}, 19));
    await countAll(after(noon, 1700));
    expect(await listClosed()).toEqual([
      { scope: `prefix:${prefix}`, hours: 1, window: 'hour', unverified: 20 },
    ]);
  });

  test('however many one network asks for, it closes itself and not the prefix', async () => {
    const network = markOf('203.0.113.5');
    await giveAskedCodes(database.db, codesAt(noon, 300, { network }));
    await countAll(after(noon, 1200));
    expect(await listClosed()).toMatchObject([{ scope: network, unverified: 300 }]);
  });

  test('people of an office behind one address who enter their codes keep it open', async () => {
    const network = markOf('203.0.113.6');
    await giveAskedCodes(database.db, codesAt(noon, 200, { network, verified: true }));
    await giveAskedCodes(database.db, codesAt(after(noon, 60), 199, { network }, 500));
    await countAll(after(noon, 1300));
    expect(await listClosed()).toEqual([]);
    await giveAskedCodes(database.db, codesAt(after(noon, 1400), 1, { network }, 700));
    await countAll(after(noon, 2200));
    expect(await listClosed()).toMatchObject([{ scope: network, unverified: 200 }]);
  });

  test('what no provider took, what people who hold the number ask for, and second factors count nowhere', async () => {
    await giveAskedCodes(database.db, codesAt(noon, 30, { isSent: false }));
    await giveAskedCodes(database.db, codesAt(noon, 30, { sendClass: 'prove_again' }, 100));
    await giveAskedCodes(database.db, codesAt(noon, 30, { sendClass: 'sign_in' }, 200));
    expect(await countAll(after(noon, 800))).toBe(90);
    expect(await readSums()).toEqual([]);
  });

  test('a code that another one made up for counts nowhere', async () => {
    await giveAskedCodes(database.db, codesAt(noon, 5));
    await giveAskedCodes(database.db, codesAt(after(noon, 120), 5, { verified: true }));
    await countAll(after(noon, 800));
    expect(await readSums()).toContainEqual({
      scope: 'all',
      hour: expect.anything(),
      verified: 5,
      unverified: 0,
    });
  });

  test('an account that is gone by then counts all the same', async () => {
    const { userId } = await givePerson(database.db, { active: true });
    await giveAskedCodes(database.db, codesAt(noon, 20, { userId }));
    await database.db.execute(sql`delete from users where id = ${userId}`);
    await database.db.execute(sql`update sms_messages set phone = '', user_id = null`);
    await countAll(after(noon, 800));
    expect(await listClosed()).toMatchObject([{ scope: `prefix:${prefix}` }]);
  });

  test('what an account entered that is gone by then counts as entered', async () => {
    const { userId } = await givePerson(database.db, { active: true });
    const ids = await giveAskedCodes(database.db, codesAt(noon, 20, { userId, verified: true }));
    await database.db.execute(sql`
      insert into sms_verification_log (at, event, user_id, challenge_id)
      select ${after(noon, 60).toISOString()}::timestamptz, 'verified', ${userId}, id from unnest(${sql.param(ids)}::uuid[]) id`);
    await database.db.execute(sql`delete from users where id = ${userId}`);
    await database.db.execute(sql`update sms_messages set phone = '', user_id = null`);
    await countAll(after(noon, 800));
    expect(await listClosed()).toEqual([]);
    expect(await readSums()).toContainEqual(
      expect.objectContaining({ scope: 'all', verified: 20, unverified: 0 }),
    );
  });

  test('two at a time count what one does, and a process that dies between is made up for', async () => {
    const codes = [...codesAt(noon, 60), ...codesAt(after(noon, 100), 40, { verified: true }, 100)];
    await giveAskedCodes(database.db, codes);
    const now = after(noon, 900);
    await countAll(now, 17);
    const alone = await readSums();
    const closed = await listClosed();
    await database.db.execute(
      sql`truncate pumping_sums, pumping_pairs, pumping_progress, pumping_orders cascade`,
    );
    for (let round = 0; round < 12; round += 1) {
      const dies = database.db.transaction(async (tx) => {
        await countCodes(tx as never, now, 17);
        throw new Error('killed');
      });
      const several = [1, 2, 3].map(() => countCodes(database.db, now, 17));
      await Promise.allSettled([dies, ...several]);
    }
    expect(await readSums()).toEqual(alone);
    expect((await listClosed()).map(({ scope }) => scope)).toEqual(closed.map(({ scope }) => scope));
  });

  test('whoever counts again from nothing gets the same sums', async () => {
    await giveAskedCodes(database.db, codesAt(after(noon, -30 * hour), 70, { verified: true }));
    await giveAskedCodes(database.db, codesAt(noon, 15, {}, 200));
    await countAll(after(noon, 900), 10);
    const before = await readSums();
    await database.db.execute(sql`truncate pumping_sums, pumping_pairs, pumping_progress`);
    await countAll(after(noon, 900), 1_000);
    expect(await readSums()).toEqual(before);
  });

  test.each([
    ['a day ahead', after(noon, 24 * hour).toISOString()],
    ['without end', 'infinity'],
  ])(
    'a mark %s, as a wrong clock left it, is gone back from, and every code still counts once',
    async (_what, mark) => {
      await giveAskedCodes(database.db, codesAt(after(noon, -2 * hour), 5));
      await giveAskedCodes(database.db, codesAt(noon, 10));
      expect(await countAll(after(noon, 1200))).toBe(15);
      const counted = await readSums();
      await database.db.execute(sql.raw(`update pumping_progress set at = '${mark}'`));
      await database.db.execute(sql`
      insert into pumping_sums (scope, hour, verified, unverified)
      values ('all', ${after(noon, 24 * hour).toISOString()}::timestamptz, 0, 7)`);
      expect(await countAll(after(noon, 1201))).toBe(10);
      expect(await readSums()).toEqual(counted);
      await giveAskedCodes(database.db, codesAt(after(noon, 1300), 20, {}, 100));
      await countAll(after(noon, 2200));
      expect(await listClosed()).toMatchObject([{ scope: `prefix:${prefix}`, unverified: 30 }]);
    },
  );

  test('housekeeping on a machine whose clock is a day behind counts and closes as any, and takes no sum back', async () => {
    const now = new Date();
    // Within one minute, so that no turn of an hour lies between them.
    const asked = new Date(Math.floor(now.getTime() / 60_000) * 60_000 - 1_980_000);
    await giveAskedCodes(database.db, codesAt(asked, 20));
    await keepHouseByBothClocks(database.db, after(now, -26 * hour));
    const closed = [{ scope: `prefix:${prefix}`, unverified: 20 }];
    expect(await listClosed()).toMatchObject(closed);
    const counted = await readSums();
    await keepHouseByBothClocks(database.db, now);
    await keepHouseByBothClocks(database.db, after(now, -26 * hour));
    expect(await readSums()).toEqual(counted);
    expect(await listClosed()).toMatchObject(closed);
  });

  test('an order that a wrong clock gave ahead of now keeps nothing from being closed', async () => {
    await database.db.execute(sql`
      insert into pumping_orders (id, kind, scope, begun_at, ends_at)
      values (gen_random_uuid(), 'closed', ${prefixScope(prefix)}, ${after(noon, 24 * hour).toISOString()}::timestamptz,
        ${after(noon, 25 * hour).toISOString()}::timestamptz)`);
    await giveAskedCodes(database.db, codesAt(noon, 20));
    await countAll(after(noon, 1200));
    expect(await listClosed()).toMatchObject([{ hours: 1, unverified: 20 }, { hours: 1 }]);
  });

  test('what is read for the rule is what a plain count of the codes says, for any history', async () => {
    const anyCode = fc.record({
      minutesAgo: fc.integer({ min: 11, max: 16 * 1440 }).map((n) => (n % 3 === 0 ? n : n % 1700) + 11),
      network: fc.integer({ min: 0, max: 6 }),
      verified: fc.boolean(),
      of: fc.constantFrom('+1212555', '+1212556'),
    });
    const now = after(noon, 1800);
    await fc.assert(
      fc.asyncProperty(fc.array(anyCode, { minLength: 1, maxLength: 150 }), async (history) => {
        await database.db.execute(
          sql`truncate sms_messages, sms_verifications, pumping_sums, pumping_pairs, pumping_progress, pumping_orders cascade`,
        );
        const codes = history.map(({ minutesAgo, network, verified, of }, n) => ({
          at: after(now, -minutesAgo * 60),
          phone: phoneOf(n, of),
          network: network === 0 ? null : markOf(`192.0.2.${network}`),
          verified,
          userId: someone,
        }));
        await giveAskedCodes(database.db, codes);
        await countAll(now, 40);
        const asOf = new Date('2026-11-20T12:00:00Z');
        const scopes = ['prefix:+1212555', 'prefix:+1212556', markOf('192.0.2.3')];
        const closed = new Set((await listClosed()).map(({ scope }) => scope));
        const found = await readScopeCounts(
          database.db,
          scopes.map((scope) => ({ scope, hour: asOf, from: null })),
        );
        for (const scope of scopes) {
          // What a closure would have caught is left out of what follows; that is tested below.
          if (closed.size > 0) continue;
          expect(found.get(scope)).toEqual(plainCounts(codes, scope, asOf, now));
        }
      }),
      { numRuns: 25 },
    );
  });
});

/** The counts of a scope as of an hour, from the codes themselves. */
function plainCounts(codes: readonly AskedCode[], scope: string, asOf: Date, now: Date): ScopeCounts {
  const hourOf = ({ at }: AskedCode) => Math.floor(at.getTime() / 3_600_000);
  const last = asOf.getTime() / 3_600_000;
  const mine = codes.filter(
    (code) =>
      now.getTime() - code.at.getTime() >= 660_000 &&
      now.getTime() - code.at.getTime() < 15 * 86_400_000 &&
      (scope.startsWith('prefix:') ? scope === `prefix:${code.phone.slice(0, -4)}` : scope === code.network),
  );
  const within = (hours: number) =>
    mine.filter((code) => hourOf(code) > last - hours && hourOf(code) <= last);
  const tally = (hours: number) => {
    const missed = within(hours).filter(({ verified }) => !verified);
    const networks = new Map<string | null, number>();
    for (const { network } of missed) networks.set(network, (networks.get(network) ?? 0) + 1);
    const capped = [...networks.values()].reduce((sum, each) => sum + Math.min(2, each), 0);
    return scope.startsWith('prefix:')
      ? { unverified: capped, networks: networks.size }
      : { unverified: missed.length, networks: 1 };
  };
  const days = new Map<string, number>();
  for (const code of mine) {
    const day = code.at.toISOString().slice(0, 10);
    if (code.verified && day >= '2026-11-07' && hourOf(code) <= last) days.set(day, (days.get(day) ?? 0) + 1);
  }
  const [ofHour, ofDay] = [tally(1), tally(24)];
  return {
    unverifiedHour: ofHour.unverified,
    unverifiedDay: ofDay.unverified,
    networksHour: ofHour.networks,
    networksDay: ofDay.networks,
    verifiedHour: within(1).filter(({ verified }) => verified).length,
    verifiedDay: within(24).filter(({ verified }) => verified).length,
    bestDay: Math.max(0, ...days.values()),
  };
}

describe('a closed prefix', () => {
  const closedAt = after(noon, 720);

  beforeEach(async () => {
    await giveAskedCodes(database.db, codesAt(noon, 20));
    await countAll(closedAt);
    expect(await listClosed()).toHaveLength(1);
  });

  const guarded = <T>(pumpingGuard: PumpingGuard, work: () => Promise<T>) =>
    withSettings({ pumpingGuard }, work);

  /** Someone who registers and asks for a first code to a number of that prefix. */
  async function ask(n: number, now: Date, address?: string) {
    const phone = phoneOf(5_000 + n);
    const { userId } = await givePerson(database.db, { active: false, phone, agreed: true, now });
    const context = contextAt(now, address);
    const answer = await database.db.transaction(async (tx) =>
      requestCode(tx, { userId, purpose: 'activate', number: await lockNumber(tx, phone) }, context),
    );
    const readFrom = { pendingToken: await issuePendingToken(database.db, userId, now) };
    return {
      answer,
      prover: { userId, role: 'applicant' as const, phone, purpose: 'activate' as const, readFrom },
    };
  }

  const hits = async () => {
    const { rows } = await database.db.execute<{ caught: number; harmed: number }>(
      sql`select count(*)::int as caught, count(verified_at)::int as harmed from pumping_hits`,
    );
    return rows[0]!;
  };

  test('refuses new numbers until its end, uncharged, and lets people continue at once', async () => {
    await guarded('enforce', async () => {
      const now = after(closedAt, 60);
      const { answer, prover } = await ask(1, now);
      expect(answer).toEqual({ ok: false, reason: 'range_closed', retryAt: after(closedAt, hour) });
      const { rows } = await database.db.execute(sql`
        select (select count(*)::int from sms_messages where phone = ${prover.phone}) as texts, cardinality(prove_sends) as sends
        from phone_numbers where number = ${prover.phone}`);
      expect(rows).toEqual([{ texts: 0, sends: 0 }]);
      expect(await readVerificationState(database.db, prover, now)).toMatchObject({
        challenge: null,
        text: { status: 'failed', reason: 'range_closed' },
        sends: { remaining: 3, retryAt: after(closedAt, hour) },
        skipAt: now,
      });
      expect(await skipVerification(database.db, prover, contextAt(now))).toMatchObject({ ok: true });
      expect(await hits()).toEqual({ caught: 1, harmed: 0 });
      expect((await ask(2, after(closedAt, hour))).answer).toMatchObject({ ok: true });
    });
  });

  test('while it is only recorded, everyone gets their code, and whoever enters it is counted as harmed', async () => {
    const now = after(closedAt, 60);
    const { answer, prover } = await ask(1, now);
    await ask(2, now);
    if (!answer.ok) throw new Error(answer.reason);
    const entered = await checkCode(
      database.db,
      { ...prover, readFrom: prover.readFrom },
      codesOf(answer.challenge)[0]!,
      contextAt(after(now, 30)),
    );
    expect(entered).toMatchObject({ ok: true });
    await database.db.execute(
      sql`update sms_messages set status = 'sent', sent_at = created_at where status = 'queued'`,
    );
    await countAll(after(now, 720));
    expect(await hits()).toEqual({ caught: 2, harmed: 1 });
  });

  test('switched off, nothing is asked, counted or written down', async () => {
    await guarded('off', async () => {
      expect((await ask(1, after(closedAt, 60))).answer).toMatchObject({ ok: true });
      await giveAskedCodes(database.db, codesAt(after(noon, 900), 5, {}, 100));
      expect(await countAll(after(noon, 1700))).toBe(0);
      expect(await hits()).toEqual({ caught: 0, harmed: 0 });
    });
  });

  test('never catches whoever holds the number, a code that goes out again, or what an admin allowed', async () => {
    await guarded('enforce', async () => {
      const now = after(closedAt, 60);
      const adminId = (await givePerson(database.db, { active: true, role: 'admin' })).userId;
      const order = {
        kind: 'allowed',
        lastDigits: null,
        endsAt: after(now, hour),
        adminId,
        reason: 'ours',
      } as const;

      const held = phoneOf(6_000);
      const { userId } = await givePerson(database.db, { active: true, phone: held });
      await database.db.execute(
        sql`insert into phone_numbers (number, holder_user_id) values (${held}, ${userId})`,
      );
      const again = await database.db.transaction(async (tx) =>
        requestCode(tx, { userId, purpose: 'prove', number: await lockNumber(tx, held) }, contextAt(now)),
      );
      expect(again).toMatchObject({ ok: true });

      await database.db.transaction((tx) =>
        giveOrder(tx, { ...order, scope: numberScope(phoneOf(5_001)), lastDigits: '5001' }, now),
      );
      expect((await ask(1, now)).answer).toMatchObject({ ok: true });
      expect((await ask(2, now)).answer).toMatchObject({ ok: false });
      const id = await database.db.transaction((tx) =>
        giveOrder(tx, { ...order, scope: prefixScope(prefix) }, now),
      );
      expect((await ask(3, now)).answer).toMatchObject({ ok: true });
      await database.db.transaction((tx) => endOrder(tx, { id, adminId, reason: 'over' }, now));
      expect((await ask(4, now)).answer).toMatchObject({ ok: false });
    });
  });

  test('a code that went out before may be sent again', async () => {
    const { answer, prover } = await ask(1, after(noon, 690));
    expect(answer).toMatchObject({ ok: true });
    await guarded('enforce', async () => {
      const again = await database.db.transaction(async (tx) =>
        requestCode(
          tx,
          { userId: prover.userId, purpose: 'activate', number: await lockNumber(tx, prover.phone) },
          contextAt(after(closedAt, 60)),
        ),
      );
      expect(again).toMatchObject({ ok: true });
    });
  });

  test('what an admin blocked holds also while the guard only records', async () => {
    const adminId = (await givePerson(database.db, { active: true, role: 'admin' })).userId;
    const order = { kind: 'blocked', scope: prefixScope('+1212999'), lastDigits: null, adminId } as const;
    await database.db.transaction((tx) =>
      giveOrder(tx, { ...order, endsAt: after(noon, 9 * hour), reason: 'pumped' }, noon),
    );
    const phone = '+12129990001';
    const { userId } = await givePerson(database.db, { active: false, phone, agreed: true });
    const answer = await database.db.transaction(async (tx) =>
      requestCode(
        tx,
        { userId, purpose: 'activate', number: await lockNumber(tx, phone) },
        contextAt(closedAt),
      ),
    );
    expect(answer).toMatchObject({ ok: false, reason: 'range_closed' });
  });

  test('an order without an end, written by hand, holds, and stops nothing else', async () => {
    const phone = '+12129980001';
    const write = (kind: string, scope: string) =>
      database.pool.query(
        `insert into pumping_orders (id, kind, scope, begun_at, ends_at, reason) values (gen_random_uuid(), $1, $2, $3, 'infinity', 'x')`,
        [kind, scope, noon],
      );
    await write('blocked', prefixScope('+1212998'));
    await write('closed', 'network:odd');
    const { userId } = await givePerson(database.db, { active: false, phone, agreed: true });
    const answer = await database.db.transaction(async (tx) =>
      requestCode(
        tx,
        { userId, purpose: 'activate', number: await lockNumber(tx, phone) },
        contextAt(closedAt),
      ),
    );
    expect(answer).toMatchObject({ ok: false, retryAt: new Date('2199-12-30Z') });
    await countCodes(database.db, closedAt, 1_000);
    await database.pool.query(`delete from pumping_orders where ends_at = 'infinity'`);
  });

  test('what is ordered about a number under a new secret takes the place of what was ordered under the old', async () => {
    const admin = await givePerson(database.db, { active: true, role: 'admin' });
    const order = {
      kind: 'blocked' as const,
      lastDigits: '0002',
      endsAt: after(noon, 9 * hour),
      reason: 'x',
    };
    const give = (scope: string, formerScopes: string[]) =>
      database.db.transaction((tx) =>
        giveOrder(tx, { ...order, scope, formerScopes, adminId: admin.userId }, noon),
      );
    await give('number:old', []);
    const second = await give('number:new', ['number:old']);
    const { rows } = await database.pool.query<{ id: string }>(
      `select id from pumping_orders where scope in ('number:old', 'number:new') and ended_at is null`,
    );
    expect(rows).toEqual([{ id: second }]);
  });

  test('asking costs no statement more', async () => {
    const statements = (guard: PumpingGuard, n: number) =>
      guarded(guard, async () => {
        const phone = `+1646555${7_000 + n}`;
        const { userId } = await givePerson(database.db, {
          active: false,
          phone,
          agreed: true,
          now: closedAt,
        });
        return recordStatements(database.pool, () =>
          database.db.transaction(async (tx) =>
            requestCode(
              tx,
              { userId, purpose: 'activate', number: await lockNumber(tx, phone) },
              contextAt(closedAt),
            ),
          ),
        );
      });
    const [off, on] = [await statements('off', 1), await statements('enforce', 2)];
    expect(on).toHaveLength(off.length);
  });

  test('it closes again, for twice as long, by twenty that came after its end, and by none of before', async () => {
    const end = after(closedAt, hour);
    await giveAskedCodes(database.db, codesAt(after(end, 60), 19, {}, 300));
    await countAll(after(end, 900));
    expect(await listClosed()).toHaveLength(1);
    await giveAskedCodes(database.db, codesAt(after(end, 1000), 1, {}, 400));
    await countAll(after(end, 1800));
    expect((await listClosed()).map(({ hours, unverified }) => ({ hours, unverified }))).toEqual([
      { hours: 1, unverified: 20 },
      { hours: 2, unverified: 20 },
    ]);
  });

  test('what went out while it would have been closed closes nothing, so that recording foretells enforcing', async () => {
    await giveAskedCodes(database.db, codesAt(after(closedAt, 60), 200, {}, 300));
    await giveAskedCodes(database.db, codesAt(after(closedAt, hour + 60), 5, {}, 600));
    await countAll(after(closedAt, hour + 900));
    expect(await listClosed()).toHaveLength(1);
  });

  test('opened by an admin it stays open for what closed it', async () => {
    const adminId = (await givePerson(database.db, { active: true, role: 'admin' })).userId;
    const { rows } = await database.db.execute<{ id: string }>(sql`select id from pumping_orders`);
    await database.db.transaction((tx) =>
      endOrder(tx, { id: rows[0]!.id, adminId, reason: 'a launch' }, after(closedAt, 60)),
    );
    await giveAskedCodes(database.db, codesAt(after(closedAt, 120), 5, {}, 300));
    await countAll(after(closedAt, 1000));
    expect(await listClosed()).toHaveLength(1);
  });
});
