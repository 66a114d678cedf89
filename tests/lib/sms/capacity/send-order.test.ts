import { randomUUID } from 'node:crypto';
import { sql, type SQL } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { PaceClock } from '@/lib/sms/capacity/pace-clock';
import { codesInLine, findPlace } from '@/lib/sms/capacity/send-order';
import { addSender } from '@/lib/sms/capacity/send-rate';
import { claimSends } from '@/lib/sms/dispatch/claim';
import { foldRefusal } from '@/lib/sms/verification/fold-refusal';
import { openLog } from '@/lib/log';
import { openConsole } from '@/lib/sms/provider/console';
import { useDatabase } from '@/tests/support/database';
import { contextAt, givePerson } from '@/tests/support/people';
import { openPlanRecorder, type PlanNode } from '@/tests/support/plans';
import { makeEnv } from '@/tests/support/texts';

const database = useDatabase();

/** How many rows all steps of a plan handled on this table, those that a filter threw away too. */
function countRows(node: PlanNode, table: string): number {
  const own =
    node['Relation Name'] === table ? (node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0) : 0;
  const below = (node.Plans ?? []).map((each) => countRows(each, table)).reduce((sum, rows) => sum + rows, 0);
  return own * (node['Actual Loops'] ?? 1) + below;
}

/** How many rows all steps of a plan handled, of tables and of what was made of them. */
function countAllRows(node: PlanNode): number {
  const own =
    (node['Actual Rows'] ?? 0) +
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Join Filter'] ?? 0);
  const below = (node.Plans ?? []).map(countAllRows).reduce((sum, rows) => sum + rows, 0);
  return own * (node['Actual Loops'] ?? 1) + below;
}

/** Writes many codes down that nobody waits for any more; `network` of the i-th, as an expression. */
async function writeOldCodes(network: SQL): Promise<void> {
  await database.db.execute(sql`
    insert into sms_messages (id, phone, purpose, template, created_at, send_after, status)
    select gen_random_uuid(), '+1415' || (2000000 + i), 'verification', 'verification', now() - interval '30 days',
      now() - interval '30 days', 'delivered' from generate_series(1, 20000) i`);
  await database.db.execute(sql`
    insert into sms_verification_log (at, event, phone, network)
    select now() - interval '30 days', 'send_requested', '+1415' || (2000000 + i), ${network}
    from generate_series(1, 20000) i`);
  await database.db.execute(sql`vacuum analyze sms_messages`);
}

test('a crowd that came since the tables were looked at last is counted once for each network', async () => {
  // What the tables usually are when a crowd comes: large, and with nothing that waits.
  await writeOldCodes(sql`'network:' || (i % 60)`);
  await database.db.execute(sql`vacuum analyze sms_verification_log`);
  await database.db.execute(sql`
    insert into sms_messages (id, phone, purpose, template, created_at, send_after, expires_at, status, network, send_class)
    select gen_random_uuid(), '+1212' || (2000000 + i * 7), 'verification', 'verification', now(),
      now() - interval '1 second', now() + interval '9 minutes', 'queued', 'network:' || (i % 60), 'prove'
    from generate_series(1, 600) i`);
  await database.db.execute(sql`
    insert into sms_verification_log (at, event, phone, network)
    select now() - interval '1 minute', 'send_requested', '+1212' || (2000000 + i * 7), 'network:' || (i % 60)
    from generate_series(1, 600) i`);
  await addSender(database.db, 'console');
  const recorder = openPlanRecorder(database.url);
  try {
    const asked = {
      sendClass: 'prove',
      phone: '+14155550100',
      askedFrom: { network: 'network:x', wideNetwork: null },
      sender: 'console',
      sendsOthers: true,
      messagesPerSecond: 10,
    } as const;
    await findPlace(recorder.db, { ...asked, now: new Date() });
    const env = makeEnv(database.url, { SMS_MESSAGES_PER_SECOND: '10' });
    const provider = openConsole(() => undefined);
    const log = openLog({ level: 'error', write: () => undefined });
    const claim = await claimSends(
      {
        db: recorder.db,
        env,
        provider,
        log,
        paceClock: new PaceClock(),
        role: 'updates' as const,
        clockOffsetMs: 0,
      },
      {
        room: 64,
        roomForOthers: 48,
        strangersBefore: 0,
        leadMs: 0,
      },
    );
    expect(claim.held.length).toBeGreaterThan(0);
    const plans = recorder.ran.map(({ plan }) => plan);
    // Each of the 600 of the last hour once; for each code of each network it would be thousands.
    for (const plan of plans) {
      expect(countRows(plan, 'sms_verification_log')).toBeLessThan(2_000);
      expect(countRows(plan, 'sms_messages')).toBeLessThan(10_000);
    }
  } finally {
    await recorder.end();
  }
});

test('ten times as many codes of as many networks are ten times the work, whatever was known of them', async () => {
  await database.db.execute(sql`truncate sms_verification_log, sms_messages`);
  // As a quiet night leaves the statistics: many texts, and none that waits.
  await writeOldCodes(sql`'network:old' || i`);
  await database.db.execute(sql`vacuum analyze sms_verification_log`);
  const recorder = openPlanRecorder(database.url);
  try {
    const measure = async (from: number, to: number) => {
      await database.db.execute(sql`
        insert into sms_messages (id, phone, purpose, template, created_at, send_after, expires_at, status, network, send_class)
        select gen_random_uuid(), '+1212' || (2000000 + i * 37), 'verification', 'verification', now(),
          now() - interval '1 second', now() + interval '9 minutes', 'queued', 'network:' || i, 'prove'
        from generate_series(${from}::int, ${to}::int) i`);
      await database.db.execute(sql`
        insert into sms_verification_log (at, event, phone, network)
        select now() - interval '1 minute', 'send_requested', '+1212' || (2000000 + i * 37), 'network:' || i
        from generate_series(${from}::int, ${to}::int) i`);
      recorder.ran.length = 0;
      const { rows } = await recorder.db.execute(sql`
        with clock as materialized (select clock_timestamp() as now)
        select count(*)::int as codes, sum(asked)::int as asked
        from (${codesInLine(sql`(select now from clock)`)}) line`);
      expect(rows).toEqual([{ codes: to, asked: to }]);
      return recorder.ran.map(({ plan }) => countAllRows(plan)).reduce((sum, each) => sum + each, 0);
    };
    const few = await measure(1, 300);
    expect(few).toBeGreaterThan(300);
    expect((await measure(301, 3000)) / few).toBeLessThan(15);
  } finally {
    await recorder.end();
  }
});

/** A refusal of two networks, as it is stored: `key` is an expression for the mark of the first. */
const refusedBefore = (key: SQL, at: SQL, howMany: number) => sql`
  insert into sms_verification_log (at, last_at, event, reason, phone, times, fold_key, networks)
  select at, at + interval '1 minute', 'send_refused', 'too_soon', '+1415' || (2000000 + i), 2, gen_random_uuid()::text,
    jsonb_build_object(${key}, 1, 'network:' || i, 1)
  from (select i, ${at} as at from generate_series(1, ${howMany}::int) i) refusals`;

test('ninety days in which a network was refused are no more to read than its last hours', async () => {
  await database.db.execute(sql`truncate sms_verification_log, sms_messages`);
  const hour = sql`'@' || floor(extract(epoch from at) / 3600)::bigint`;
  const thenOn = sql`now() - interval '4 hours' - i * interval '6 minutes'`;
  await database.db.execute(refusedBefore(sql`'network:busy' || ${hour}`, thenOn, 20_000));
  // Rows of versions before had no hour in their keys.
  await database.db.execute(refusedBefore(sql`'network:busy'`, thenOn, 2_000));
  await database.db.execute(
    refusedBefore(sql`'network:busy' || ${hour}`, sql`now() - interval '1 minute'`, 30),
  );
  await database.db.execute(sql`vacuum analyze sms_verification_log`);
  await database.db.execute(sql`
    insert into sms_messages (id, phone, purpose, template, created_at, send_after, expires_at, status, network, send_class)
    values (gen_random_uuid(), '+12122000000', 'verification', 'verification', now(), now() - interval '1 second',
      now() + interval '9 minutes', 'queued', 'network:busy', 'prove')`);
  for (const mode of ['auto', 'force_generic_plan'] as const) {
    const recorder = openPlanRecorder(database.url, mode);
    try {
      const line = await recorder.db.execute(sql`
        with clock as materialized (select now() as now) select asked::int from (${codesInLine(sql`(select now from clock)`)}) line`);
      expect(line.rows).toEqual([{ asked: 30 }]);
      const asked = {
        sendClass: 'prove',
        phone: '+14155550100',
        askedFrom: { network: 'network:busy', wideNetwork: null },
        sender: 'console',
        sendsOthers: true,
        messagesPerSecond: 10,
      } as const;
      await findPlace(recorder.db, { ...asked, now: new Date() });
      expect(recorder.ran.length).toBeGreaterThan(1);
      for (const { plan } of recorder.ran) {
        expect(countRows(plan, 'sms_verification_log')).toBeLessThan(200);
      }
    } finally {
      await recorder.end();
    }
  }
});

test('refusals are counted for an hour, on both sides of the turn of an hour', async () => {
  const turn = new Date('2026-11-20T15:00:00Z');
  const at = (seconds: number) => new Date(turn.getTime() + seconds * 1000);
  const { userId } = await givePerson(database.db, { active: true });
  await database.db.execute(sql`truncate sms_verification_log, sms_messages`);
  await database.db.execute(sql`
    insert into sms_messages (id, phone, purpose, template, created_at, send_after, status, network, send_class)
    values (gen_random_uuid(), '+12122000000', 'verification', 'verification', ${turn.toISOString()}, '2026-11-20', 'queued',
      'network:one', 'prove')`);
  for (const [network, seconds] of [
    ['network:one', -1200],
    ['network:other', -1100],
    ['network:one', -1],
    ['network:one', 0],
    ['network:other', 1],
    // Written by a web server whose clock is ahead.
    ['network:one', 3601],
    ['network:other', 3602],
  ] as const) {
    const refusal = { event: 'send_refused', reason: 'too_soon', phone: '+12122000001', userId } as const;
    await foldRefusal(
      database.db,
      { ...refusal, challengeId: null, network, details: null },
      contextAt(at(seconds)),
    );
  }
  const asked = async (seconds: number) => {
    const { rows } = await database.db.execute(
      sql`select asked::int from (${codesInLine(sql`${at(seconds).toISOString()}::timestamptz`)}) line`,
    );
    return rows[0]!.asked;
  };
  expect(await asked(3598)).toBe(4);
  // The row of the hour before counts no more, as a whole.
  expect(await asked(3599)).toBe(2);
});

test('whose prefix nobody waits for is before a crowd of many networks that waits for one, as in the line', async () => {
  await database.db.execute(sql`truncate sms_verification_log, sms_messages`);
  await database.db.execute(sql`
    insert into sms_messages (id, phone, purpose, template, created_at, send_after, expires_at, status, network, send_class,
      prefix_turns)
    select gen_random_uuid(), '+1212555' || (1000 + i), 'verification', 'verification', now(), now() - interval '1 second',
      now() + interval '9 minutes', 'queued', 'network:' || i, 'recover', least(2, i - 1) from generate_series(1, 100) i`);
  await database.db.execute(sql`
    insert into sms_verification_log (at, event, phone, network)
    select now(), 'send_requested', '+1212555' || (1000 + i), 'network:' || i from generate_series(1, 100) i`);
  const ask = async (phone: string, network = 'network:quiet') => {
    const { retryAt } = await findPlace(database.db, {
      ...{ sendClass: 'prove', phone, askedFrom: { network, wideNetwork: null }, sender: 'console' },
      ...{ sendsOthers: false, messagesPerSecond: 1, now: new Date() },
    });
    return retryAt;
  };
  expect(await ask('+14155550100')).toBeNull();
  expect(await ask('+12125550100')).not.toBeNull();
  // Its network asked for three already, so it comes behind them.
  await database.db.execute(sql`update sms_verification_log set times = 3 where network = 'network:1'`);
  expect(await ask('+14155550100', 'network:1')).not.toBeNull();
});

/** Codes that wait, each with how many its network asked for, for how many seconds it has waited, its number, and turns of its prefix. */
async function giveWaiting(
  codes: readonly { asked: number; waited: number; phone: string; prefixTurns?: number }[],
): Promise<string[]> {
  await database.db.execute(sql`truncate sms_verification_log, sms_messages`);
  const ids: string[] = [];
  for (const [index, { asked, waited, phone, prefixTurns = null }] of codes.entries()) {
    const id = randomUUID();
    ids.push(id);
    const since = sql`now() - interval '1 second' * ${waited}::float8`;
    await database.db.execute(sql`
      insert into sms_messages (id, phone, purpose, template, created_at, send_after, expires_at, status, network, send_class,
        prefix_turns)
      values (${id}, ${phone}, 'verification', 'verification', ${since}, ${since}, now() + interval '9 minutes', 'queued',
        ${`network:${index}`}, 'prove', ${prefixTurns}::int)`);
    await database.db.execute(sql`
      insert into sms_verification_log (at, event, phone, network, times)
      values (now(), 'send_requested', ${phone}, ${`network:${index}`}, ${asked})`);
  }
  return ids;
}

const readLine = async () => {
  const { rows } = await database.db.execute<{ id: string }>(sql`
    with clock as materialized (select now() as now)
    select id from (${codesInLine(sql`(select now from clock)`)}) line order by place`);
  return rows.map(({ id }) => id);
};

test('who was let in gets out of the line, however long others come from networks of which nobody asked before', async () => {
  const [second, crowd, fresh, other] = await giveWaiting([
    { asked: 2, waited: 61, phone: '+12125550100' },
    { asked: 60, waited: 61, phone: '+12125560100' },
    { asked: 1, waited: 1, phone: '+12125570100' },
    { asked: 1, waited: 2, phone: '+12125580100' },
  ]);
  expect(await readLine()).toEqual([second, other, fresh, crowd]);
});

test('the codes of a prefix take turns with those of others: one that came first is behind none that came later', async () => {
  const [first, decoy, alone, later] = await giveWaiting([
    { asked: 1, waited: 20, phone: '+12125550100' },
    { asked: 1, waited: 19, phone: '+12125550101', prefixTurns: 1 },
    { asked: 1, waited: 18, phone: '+12125560100' },
    { asked: 1, waited: 17, phone: '+12125570100' },
  ]);
  expect(await readLine()).toEqual([first, alone, later, decoy]);
});

type Asker = { wide: string; phone: string };

/**
 * Minutes of a line at one text a second, by the clock of the line: each second the first code goes, three of a crowd are asked for, and
 * every fifth one by somebody else. Out: how many seconds those waited, and how many of each were refused.
 */
async function playLine(
  seconds: number,
  { crowd, others }: { crowd: (nth: number) => Asker; others: (nth: number) => Asker },
): Promise<{ waited: number[]; ofCrowd: number[]; refused: { crowd: number; others: number } }> {
  await database.db.execute(sql`truncate sms_verification_log, sms_messages`);
  const since = new Map<string, { second: number; isCrowd: boolean }>();
  const waited: number[] = [];
  const ofCrowd: number[] = [];
  const refused = { crowd: 0, others: 0 };
  let nth = 0;
  const ask = async ({ wide, phone }: Asker, isCrowd: boolean, second: number) => {
    nth += 1;
    const network = `network:${nth}`;
    const { retryAt, wideTurns, prefixTurns } = await findPlace(database.db, {
      ...{ sendClass: 'prove', phone, askedFrom: { network, wideNetwork: wide }, sender: 'console' },
      ...{ sendsOthers: false, messagesPerSecond: 1, now: new Date() },
    });
    await database.db.execute(sql`
      insert into sms_verification_log (at, event, phone, network) values (now(), 'send_requested', ${phone}, ${network})`);
    if (retryAt !== null) {
      refused[isCrowd ? 'crowd' : 'others'] += 1;
      return;
    }
    const id = randomUUID();
    since.set(id, { second, isCrowd });
    await database.db.execute(sql`
      insert into sms_messages (id, phone, purpose, template, created_at, send_after, expires_at, status, network, wide_network,
        send_class, wide_turns, prefix_turns)
      values (${id}, ${phone}, 'verification', 'verification', now(), now(), now() + interval '1 day', 'queued', ${network}, ${wide},
        'prove', ${wideTurns}, ${prefixTurns})`);
  };
  for (let second = 0; second < seconds; second += 1) {
    for (let each = 0; each < 3; each += 1) await ask(crowd(3 * second + each), true, second);
    if (second % 5 === 4) await ask(others(second), false, second);
    const [first] = await readLine();
    const { second: asked, isCrowd } = since.get(first!)!;
    (isCrowd ? ofCrowd : waited).push(second - asked);
    await database.db.execute(sql`update sms_messages set status = 'sent' where id = ${first}`);
    await database.db.execute(
      sql`update sms_messages set send_after = send_after - interval '1 second' where status = 'queued'`,
    );
  }
  return { waited, ofCrowd, refused };
}

const numberOf = (nth: number) => `+1${2_120_000 + nth}0100`;

test('a crowd of one wide network that keeps coming is behind all others, as long as it lasts', async () => {
  const { waited, ofCrowd, refused } = await playLine(150, {
    crowd: (nth) => ({ wide: 'wide-network:flood', phone: numberOf(nth) }),
    others: (nth) => ({ wide: `wide-network:${nth}`, phone: numberOf(100_000 + nth) }),
  });
  expect(waited.length).toBeGreaterThan(25);
  expect(Math.max(...waited)).toBeLessThanOrEqual(5);
  expect(refused.others).toBe(0);
  expect(refused.crowd).toBeGreaterThan(200);
  // Who was let in gets out.
  expect(Math.max(...ofCrowd)).toBeLessThan(120);
}, 120_000);

test('a crowd of one wide network that waits for one prefix is behind others who wait for that very prefix', async () => {
  const { waited, refused } = await playLine(120, {
    crowd: (nth) => ({ wide: 'wide-network:flood', phone: `+1415555${1000 + nth}` }),
    others: (nth) => ({ wide: `wide-network:${nth}`, phone: `+1415555${9000 + nth}` }),
  });
  expect(waited.length).toBeGreaterThan(20);
  expect(Math.max(...waited)).toBeLessThanOrEqual(20);
  expect(refused.others).toBe(0);
}, 120_000);

test('who shares a wide network with a crowd and is refused is told to come back in half a minute, not in a second', async () => {
  await playLine(62, {
    crowd: (nth) => ({ wide: 'wide-network:flood', phone: numberOf(nth) }),
    others: (nth) => ({ wide: 'wide-network:flood', phone: numberOf(100_000 + nth) }),
  });
  const now = new Date();
  // At a slower pace than the one that let those in.
  const { retryAt } = await findPlace(database.db, {
    ...{
      sendClass: 'prove',
      phone: '+13105550100',
      sender: 'console',
      sendsOthers: false,
      messagesPerSecond: 0.9,
    },
    ...{ askedFrom: { network: 'network:new', wideNetwork: 'wide-network:flood' }, now },
  });
  expect(retryAt!.getTime() - now.getTime()).toBeGreaterThanOrEqual(30_000);
}, 120_000);

test('a code that has waited for ever, as a broken row says, stops no line', async () => {
  const [first, broken] = await giveWaiting([
    { asked: 1, waited: 20, phone: '+12125550100' },
    { asked: 200, waited: 0, phone: '+12125560100' },
  ]);
  await database.db.execute(sql`update sms_messages set send_after = '-infinity' where id = ${broken}`);
  expect(await readLine()).toHaveLength(2);
  expect(await readLine()).toContain(first);
});
