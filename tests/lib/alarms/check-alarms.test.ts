import { randomUUID } from 'node:crypto';
import { asc } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { alarmAlerts, alarms } from '@/db/schema/alarms';
import { explainAlarm } from '@/lib/alarms/alarm-kinds';
import { checkAlarms } from '@/lib/alarms/check-alarms';
import { countOpenAlarms } from '@/lib/alarms/count-open-alarms';
import { pruneAlarms } from '@/lib/alarms/prune-alarms';
import { openLog } from '@/lib/log';
import { recordStatements, useDatabase } from '../../support/database';
import { fromPhone, makeEnv, twilioVariables } from '../../support/texts';

const database = useDatabase();
const lines: string[] = [];
const log = openLog({ level: 'info', write: (line) => void lines.push(line.replace(/^\S+ /, '')) });
const env = makeEnv('postgres://localhost/unused', {
  ...twilioVariables('http://127.0.0.1:1'),
  SMS_DAILY_BUDGET_USD: '1',
  ALERT_WEBHOOK_URL: 'http://127.0.0.1:1/alerts',
  ALERT_WEBHOOK_SECRET: 'a secret for alerts',
});

beforeEach(async () => {
  lines.length = 0;
  await database.pool.query(
    `truncate alarms, alarm_checks, alarm_rounds, alarm_alerts, sms_messages, sms_verifications, sms_senders, sms_spend,
       webhook_calls, webhook_refusals, sms_deactivations_aside, audit_log, users cascade`,
  );
});

/** One round a minute, as many as asked for, without waiting for the minutes. */
async function check(rounds = 1, settings = env): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    await database.pool.query(`update alarm_rounds set next_at = clock_timestamp() - interval '1 second'`);
    expect(await checkAlarms({ db: database.db, env: settings, log })).toBe(true);
  }
}

const listAlarms = () => database.db.select().from(alarms).orderBy(asc(alarms.openedAt), asc(alarms.kind));
async function listOpen(): Promise<string[]> {
  return (await listAlarms()).filter(({ endedAt }) => endedAt === null).map(({ kind }) => kind);
}
const listAlerts = () => database.db.select().from(alarmAlerts).orderBy(asc(alarmAlerts.createdAt));

const run = (statement: string, values: unknown[] = []) => database.pool.query(statement, values);

/** Texts, each with the columns that are given as SQL. */
async function writeTexts(count: number, columns: Record<string, string>): Promise<void> {
  const all = {
    status: `'delivered'`,
    purpose: `'update'`,
    created_at: 'now()',
    send_after: 'now()',
    ...columns,
  };
  await run(`insert into sms_messages (id, phone, template, ${Object.keys(all).join(', ')})
    select gen_random_uuid(), '+15005550123', 'applicationStatus', ${Object.values(all).join(', ')}
    from generate_series(1, ${count}) n`);
}

/** So much is spent by now, and no more: also where the minute has turned since the last time. */
async function spend(micros: number): Promise<void> {
  await run(`delete from sms_spend where scope = 'all'`);
  await run(`insert into sms_spend (scope, minute, micros) values ('all', date_trunc('minute', now()), $1)`, [
    micros,
  ]);
}

async function writeCodes({
  ago,
  asked,
  entered,
}: {
  ago: string;
  asked: number;
  entered: number;
}): Promise<void> {
  const id = randomUUID();
  await run(
    `insert into users (id, email, email_key, name, password_hash, created_at, password_changed_at)
     values ($1, $2, $2, 'Person', '-', now(), now())`,
    [id, `${id}@example.com`],
  );
  await run(
    `insert into sms_verifications (id, user_id, phone, purpose, nonce, created_at, expires_at, last_sent_at, consumed_at, ended_at)
     select gen_random_uuid(), $1, '+15005550123', 'prove', '\\x00', at, at, at, case when n <= $4 then at end,
       case when n > $4 then at end
     from generate_series(1, $3::int) n, lateral (select now() - $2::interval as at) moment`,
    [id, ago, asked, entered],
  );
}

test('nothing is wrong where nothing has happened yet', async () => {
  await check(20);
  expect(await listAlarms()).toEqual([]);
  expect(await listAlerts()).toEqual([]);
});

describe('a round', () => {
  test('is done once a minute by the database’s clock, by one of many processes', async () => {
    const at = () => checkAlarms({ db: database.db, env, log });
    const done = await Promise.all(Array.from({ length: 8 }, at));
    expect(done.filter(Boolean)).toHaveLength(1);
    expect(await at()).toBe(false);
    const { rows } = await run(
      "select next_at between now() + interval '50 seconds' and now() + interval '55 seconds' as is_next from alarm_rounds",
    );
    expect(rows).toEqual([{ is_next: true }]);
  });

  test('opens an alarm once, however many processes find it', async () => {
    await spend(900_000);
    for (let n = 0; n < 3; n += 1) {
      await run(`update alarm_rounds set next_at = now() - interval '1 second'`);
      await Promise.all(Array.from({ length: 4 }, () => checkAlarms({ db: database.db, env, log })));
    }
    expect(await listOpen()).toEqual(['budget_80']);
    expect(await listAlerts()).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('error alarm_opened'))).toHaveLength(1);
  });

  test('that took so long that another began writes nothing', async () => {
    await spend(600_000);
    await check();
    const late = checkAlarms({
      db: await whileReading(async () => {
        await run(`update alarm_rounds set next_at = now() - interval '1 second'`);
        expect(await checkAlarms({ db: database.db, env, log })).toBe(true);
      }),
      env,
      log,
    });
    expect(await late).toBe(false);
    expect(await listOpen()).toEqual(['budget_50']);
  });

  test('that takes more than a minute is not begun by another meanwhile', async () => {
    await spend(600_000);
    const readAhead = async () => {
      const { rows } = await run(
        `select extract(epoch from next_at - clock_timestamp())::float8 as seconds from alarm_rounds`,
      );
      return (rows[0] as { seconds: number }).seconds;
    };
    let ahead = 0;
    const db = await whileReading(async () => {
      ahead = await readAhead();
    });
    expect(await checkAlarms({ db, env, log })).toBe(true);
    expect(ahead).toBeGreaterThan(110);
    expect(await readAhead()).toBeLessThan(56);
    expect(await listOpen()).toEqual(['budget_50']);
  });

  test('that a wrong clock put far ahead is done all the same', async () => {
    await check();
    await run(`update alarm_rounds set next_at = now() + interval '1 year'`);
    expect(await checkAlarms({ db: database.db, env, log })).toBe(true);
  });

  test('takes so many statements, however many alarms there are', async () => {
    await spend(1_000_000);
    await check();
    await run(`update alarm_rounds set next_at = now() - interval '1 second'`);
    const statements = await recordStatements(database.pool, () =>
      checkAlarms({ db: database.db, env, log }),
    );
    // The claim, a statement a condition, and a transaction of begin, ticket, standings, checks, what was seen, commit.
    expect(statements).toHaveLength(1 + 15 + 6);
  });

  test('that cannot read one condition reads the others, and leaves that alarm as it was', async () => {
    await run(`insert into sms_senders (sender, next_slot_at, stopped_until, stopped_reason)
      values ('${fromPhone}', now(), now() + interval '1 minute', 'provider_authentication')`);
    await check();
    expect(await listOpen()).toEqual(['sender_stopped']);
    await run('alter table sms_senders rename to elsewhere');
    try {
      await spend(600_000);
      await check(5);
    } finally {
      await run('alter table elsewhere rename to sms_senders');
    }
    expect((await listOpen()).sort()).toEqual(['budget_50', 'sender_stopped']);
    expect(lines.some((line) => line.startsWith('warn alarm_condition_not_read condition=findStop'))).toBe(
      true,
    );
  });
});

/** A database whose connections let something happen between the claim of a round and what is written of it. */
async function whileReading(meanwhile: () => Promise<void>): Promise<typeof database.db> {
  let isDone = false;
  return new Proxy(database.db, {
    get: (target, name, receiver) => {
      const value: unknown = Reflect.get(target, name, receiver);
      if (name !== 'transaction') return typeof value === 'function' ? value.bind(target) : value;
      return async (work: never) => {
        if (!isDone) await meanwhile();
        isDone = true;
        return target.transaction(work);
      };
    },
  });
}

describe('an alarm', () => {
  test('stays until its condition has cleared for some checks, and says since when and what was measured', async () => {
    await spend(600_000);
    await check(3);
    const [alarm] = await listAlarms();
    expect(alarm).toMatchObject({
      kind: 'budget_50',
      subject: '',
      endedAt: null,
      figures: { spentMicros: 600_000, budgetMicros: 1_000_000 },
    });
    expect(alarm!.since.getTime()).toBeLessThanOrEqual(alarm!.openedAt.getTime());
    await spend(700_000);
    await check();
    expect((await listAlarms())[0]).toMatchObject({
      figures: { spentMicros: 600_000 },
      lastFigures: { spentMicros: 700_000 },
    });
    // Just below the mark it is not over.
    await spend(480_000);
    await check(20);
    expect(await listOpen()).toEqual(['budget_50']);
    await spend(300_000);
    await check(9);
    expect(await listOpen()).toEqual(['budget_50']);
    await check();
    expect(await listOpen()).toEqual([]);
    expect(lines.at(-1)).toBe('info alarm_ended alarm=budget_50');
    expect((await listAlerts()).map(({ event }) => event)).toEqual(['opened', 'ended']);
    // The next one is another.
    await spend(600_000);
    await check();
    expect(await listAlarms()).toHaveLength(2);
  });

  test('is told outside only where there is an address for it', async () => {
    await spend(600_000);
    await check(1, { ...env, alertWebhook: null });
    expect(await listOpen()).toEqual(['budget_50']);
    expect(await listAlerts()).toEqual([]);
  });

  test('about a sender that is no longer ours ends', async () => {
    await run(`insert into sms_senders (sender, next_slot_at, stopped_until, stopped_reason)
      values ('${fromPhone}', now(), now() + interval '1 minute', 'sender_not_registered')`);
    await check();
    expect(await listAlarms()).toMatchObject([{ kind: 'sender_stopped', subject: fromPhone }]);
    const other = makeEnv('postgres://localhost/unused', {
      ...twilioVariables('http://127.0.0.1:1'),
      TWILIO_FROM_PHONE: '+15005550009',
    });
    await check(4, other);
    expect(await listOpen()).toEqual(['sender_stopped']);
    await check(1, other);
    expect(await listOpen()).toEqual([]);
  });

  test('is counted by kind, and removed a given time after it ended, with what was told of it', async () => {
    await spend(600_000);
    await check();
    expect(await countOpenAlarms(database.db)).toMatchObject({ budget_50: 1, budget_80: 0, queue_old: 0 });
    const later = new Date(Date.now() + 60_000);
    expect(await pruneAlarms(database.db, later, 10)).toBe(0);
    await spend(0);
    await check(10);
    expect(await countOpenAlarms(database.db)).toMatchObject({ budget_50: 0 });
    expect(await pruneAlarms(database.db, new Date(Date.now() - 60_000), 10)).toBe(0);
    expect(await pruneAlarms(database.db, later, 10)).toBe(1);
    expect(await listAlerts()).toEqual([]);
  });

  test.each([
    ['that is open', 'alarms'],
    ['that may open', 'alarm_checks'],
  ])('%s and whose row someone holds keeps no other from opening or ending', async (_, table) => {
    await spend(600_000);
    await check();
    const holder = await database.pool.connect();
    try {
      await holder.query(`begin; set local idle_in_transaction_session_timeout = 0`);
      await holder.query(`select from ${table} where kind = 'budget_50' for update`);
      await spend(1_000_000);
      await check();
      expect(await listOpen()).toEqual(['budget_50', 'budget_100']);
      await spend(0);
      await check(10);
      expect(await listOpen()).toEqual(['budget_50']);
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    await check(10);
    expect(await listOpen()).toEqual([]);
  });

  test('with moments that are none, or counts of no checks, keeps no other from opening or ending', async () => {
    await run(`insert into alarms (id, kind, subject, since, opened_at, last_seen_at, figures, last_figures)
      values (gen_random_uuid(), 'sender_stopped', 'former', 'infinity', now(), now(), '{}', '{}')`);
    await run(`insert into alarm_rounds (name, next_at, begun_at) values ('alarms', now(), 'infinity')`);
    await run(`insert into alarm_checks (kind, subject, run, run_since, checked_at)
      values ('queue_old', '', 1, 'infinity', now()), ('budget_50', '', -2147483648, '-infinity', now())`);
    await spend(600_000);
    await writeTexts(1, { status: `'queued'`, send_after: `now() - interval '1 hour'` });
    await check(5);
    expect(await listOpen()).toEqual(['budget_50', 'queue_old']);
    expect(lines.filter((line) => line.includes('alarm_condition_not_read'))).toEqual([]);
  });

  test.each(['infinity', '290000-01-01Z', '0044-03-15 BC'])(
    'with moments at %s, and an alert that was written already, keeps none from opening or ending',
    async (odd) => {
      await spend(600_000);
      await check();
      await run(`update alarms set since = '${odd}', last_seen_at = '${odd}'`);
      await run(`update alarm_rounds set begun_at = '${odd}'`);
      await run(`insert into alarm_checks (kind, subject, run, run_since, checked_at) values
        ('queue_old', '', 1, '${odd}', '${odd}'), ('provider_fails', '', 1, '${odd}', now())
        on conflict (kind, subject) do update set run = 1, run_since = excluded.run_since`);
      await run(`insert into alarm_alerts (id, alarm_id, event, body, created_at, send_after)
        select gen_random_uuid(), id, 'ended', '{}', now(), now() from alarms`);
      await writeTexts(1, { status: `'queued'`, send_after: `now() - interval '1 hour'` });
      await spend(0);
      await check(10);
      expect(await listOpen()).toEqual(['queue_old']);
      expect(lines.filter((line) => line.includes('alarm_condition_not_read'))).toEqual([]);
    },
  );

  test('of a kind that this version does not know stays while another release finds it so, and ends an hour after', async () => {
    const seen = (ago: string) => run(`update alarms set last_seen_at = ${ago} where kind = 'constructor'`);
    await run(`insert into alarms (id, kind, subject, since, opened_at, last_seen_at, figures, last_figures)
      values (gen_random_uuid(), 'constructor', '', now() - interval '2 hours', now(), now(), '{}', '{}')`);
    await check(3);
    await seen(`now() - interval '59 minutes'`);
    await check(3);
    expect(await listOpen()).toEqual(['constructor']);
    expect(Object.values(await countOpenAlarms(database.db)).every((count) => count === 0)).toBe(true);
    await seen(`now() - interval '61 minutes'`);
    await check(1);
    expect(await listOpen()).toEqual([]);
    expect(lines).toContain('info alarm_ended alarm=constructor');
    const [ended] = await listAlerts();
    expect(JSON.parse(ended!.body)).toMatchObject({
      event: 'ended',
      kind: 'constructor',
      name: 'constructor',
    });
  });

  test('of such a kind ends also where it was seen at no moment at all', async () => {
    await run(`insert into alarms (id, kind, subject, since, opened_at, last_seen_at, figures, last_figures)
      values (gen_random_uuid(), 'of_old', '', '-infinity', now(), '-infinity', '{}', '{}')`);
    await check(1);
    expect(await listAlarms()).toMatchObject([{ kind: 'of_old' }]);
    expect(await listOpen()).toEqual([]);
  });
});

describe('codes', () => {
  test('that are entered much less often than at this hour of the last days open an alarm after three checks', async () => {
    for (let day = 1; day <= 7; day += 1)
      await writeCodes({ ago: `${day * 24} hours 30 minutes`, asked: 40, entered: 32 });
    await writeCodes({ ago: '30 minutes', asked: 40, entered: 14 });
    await check(2);
    expect(await listOpen()).toEqual([]);
    await check();
    expect(await listAlarms()).toMatchObject([
      { kind: 'conversion_falls', figures: { asked: 40, enteredPercent: 35, usualPercent: 80 } },
    ]);
    await writeCodes({ ago: '20 minutes', asked: 200, entered: 170 });
    await check(14);
    expect(await listOpen()).toEqual(['conversion_falls']);
    await check();
    expect(await listOpen()).toEqual([]);
  });

  test('of another hour, too few of them, or a few fewer, open none', async () => {
    for (let day = 1; day <= 7; day += 1)
      await writeCodes({ ago: `${day * 24} hours 30 minutes`, asked: 40, entered: 32 });
    // Nobody could enter these yet, and those are of earlier.
    await writeCodes({ ago: '5 minutes', asked: 100, entered: 0 });
    await writeCodes({ ago: '80 minutes', asked: 100, entered: 0 });
    await writeCodes({ ago: '30 minutes', asked: 29, entered: 0 });
    await check(5);
    expect(await listOpen()).toEqual([]);
    await writeCodes({ ago: '30 minutes', asked: 71, entered: 60 });
    await check(5);
    expect(await listOpen()).toEqual([]);
  });
});

describe('the budget', () => {
  test('opens an alarm at half, at four fifths, and when not even one text fits', async () => {
    await spend(499_999);
    await check(2);
    expect(await listOpen()).toEqual([]);
    await spend(500_000);
    await check();
    expect(await listOpen()).toEqual(['budget_50']);
    await spend(992_100);
    await check();
    expect(await listOpen()).toEqual(['budget_50', 'budget_80']);
    await spend(992_101);
    await check();
    expect(await listOpen()).toEqual(['budget_50', 'budget_80', 'budget_100']);
  });
});

describe('calls to the provider', () => {
  test('that fail, one in four of at least five, open an alarm; one that got through in the end does not count', async () => {
    const tried = { attempted_at: `now() - interval '1 minute'` };
    await writeTexts(6, { ...tried, faulted_at: 'null' });
    await writeTexts(2, {
      ...tried,
      faulted_at: 'now()',
      status: `'queued'`,
      send_after: `now() + interval '1 hour'`,
    });
    await check(5);
    expect(await listOpen()).toEqual([]);
    await writeTexts(1, { ...tried, faulted_at: 'now()', status: `'failed'` });
    await check(2);
    expect(await listAlarms()).toMatchObject([{ kind: 'provider_fails', figures: { called: 9, failed: 3 } }]);
    await run(`update sms_messages set attempted_at = now() - interval '16 minutes'`);
    await check(5);
    expect(await listOpen()).toEqual([]);
  });

  test('that are few leave the alarm as it is while one of them fails', async () => {
    const tried = { attempted_at: `now() - interval '1 minute'`, status: `'failed'` };
    await writeTexts(4, { ...tried, faulted_at: 'now()' });
    await check(5);
    expect(await listOpen()).toEqual([]);
    await writeTexts(1, { ...tried, faulted_at: 'now()' });
    await check(2);
    expect(await listOpen()).toEqual(['provider_fails']);
    await run(`update sms_messages set attempted_at = now() - interval '16 minutes'`);
    await writeTexts(2, { ...tried, faulted_at: 'now()' });
    await check(6);
    expect(await listOpen()).toEqual(['provider_fails']);
    await run(`update sms_messages set faulted_at = null`);
    await check(5);
    expect(await listOpen()).toEqual([]);
  });

  test('of a stopped sender open one alarm, not three', async () => {
    await run(`insert into sms_senders (sender, next_slot_at, stopped_until, stopped_reason)
      values ('${fromPhone}', now(), now() - interval '10 seconds', 'provider_authentication')`);
    await writeTexts(9, {
      attempted_at: `now() - interval '1 minute'`,
      faulted_at: 'now()',
      status: `'queued'`,
      send_after: `now() - interval '2 hours'`,
    });
    await check(5);
    expect(await listOpen()).toEqual(['sender_stopped']);
    // A text got through.
    await run('update sms_senders set stopped_until = null, stopped_reason = null');
    await run(`update sms_messages set faulted_at = null, status = 'delivered'`);
    await check(5);
    expect(await listOpen()).toEqual([]);
  });
});

describe('status reports', () => {
  const accepted = {
    status: `'sent'`,
    sent_at: `now() - interval '20 minutes'`,
    attempted_at: `now() - interval '20 minutes'`,
  };
  const begun = () => run(`update alarm_rounds set begun_at = now() - interval '1 day'`);

  test('that do not come for texts that were accepted open an alarm, and one that comes ends it', async () => {
    await check();
    await begun();
    await writeTexts(5, accepted);
    await check(3);
    expect(await listAlarms()).toMatchObject([
      { kind: 'receipts_stop', figures: { waiting: 5, minutes: null } },
    ]);
    await run(`insert into webhook_calls (hour, webhook, count, last_at)
      values (date_trunc('hour', now()), 'inbound', 1, now())`);
    await check(3);
    expect(await listOpen()).toEqual(['receipts_stop']);
    await run(`insert into webhook_calls (hour, webhook, count, last_at)
      values (date_trunc('hour', now()), 'status', 1, now())`);
    await check(2);
    expect(await listOpen()).toEqual([]);
  });

  test('are waited for only where they are expected, and only for what was sent since anyone looks', async () => {
    await writeTexts(9, accepted);
    await check(4);
    expect(await listOpen()).toEqual([]);
    await begun();
    const withoutCallbacks = { ...env, twilio: { ...env.twilio!, apiBaseUrl: null } };
    await check(4, withoutCallbacks);
    await check(4, makeEnv('postgres://localhost/unused'));
    expect(await listOpen()).toEqual([]);
    await check(3);
    expect(await listOpen()).toEqual(['receipts_stop']);
    await check(2, withoutCallbacks);
    expect(await listOpen()).toEqual([]);
  });

  test('of a clock that is ahead prove nothing', async () => {
    await check();
    await begun();
    await writeTexts(5, accepted);
    await run(`insert into webhook_calls (hour, webhook, count, last_at)
      values (date_trunc('hour', now() + interval '5 hours'), 'status', 1, now() + interval '5 hours')`);
    await check(3);
    expect(await listOpen()).toEqual(['receipts_stop']);
  });
});

describe('webhook calls', () => {
  const refuse = (count: number, { namesUs = true, ago = '1 minute' } = {}) =>
    run(
      `insert into webhook_refusals (hour, webhook, reason, names_us, count, first_at, last_at)
       values (date_trunc('hour', now() - $3::interval), 'inbound', 'wrong_signature', $2, $1, now() - $3::interval, now() - $3::interval)
       on conflict (hour, webhook, reason, names_us) do update set count = excluded.count`,
      [count, namesUs, ago],
    );

  test('that may be the provider’s and are refused open an alarm that says where to look', async () => {
    await refuse(2);
    await check(3);
    expect(await listOpen()).toEqual([]);
    await refuse(3);
    await check();
    const [alarm] = await listAlarms();
    expect(alarm).toMatchObject({ kind: 'webhooks_refused', figures: { refused: 3, webhook: 'inbound' } });
    expect(alarm!.figures.likely).toContain('TWILIO_AUTH_TOKEN');
    await run(`update webhook_refusals set last_at = now() - interval '16 minutes'`);
    await check(15);
    expect(await listOpen()).toEqual([]);
  });

  test('that are junk open none', async () => {
    await refuse(10_000, { namesUs: false });
    await check(3);
    expect(await listOpen()).toEqual([]);
  });
});

describe('the queue', () => {
  const waiting = (ago: string, purpose = 'update') =>
    writeTexts(1, { status: `'queued'`, send_after: `now() - interval '${ago}'`, purpose: `'${purpose}'` });

  test('is too old for a code after two minutes, for other texts after half an hour', async () => {
    await waiting('100 seconds', 'verification');
    await waiting('29 minutes');
    await check(4);
    expect(await listOpen()).toEqual([]);
    await waiting('121 seconds', 'verification');
    await check(2);
    const [alarm] = await listAlarms();
    expect(alarm).toMatchObject({ kind: 'queue_old' });
    expect(alarm!.figures.codeSeconds).toBeGreaterThanOrEqual(121);
    await run('delete from sms_messages');
    await check(3);
    expect(await listOpen()).toEqual([]);
    for (const purpose of ['update', 'notice', 'something else']) {
      await waiting('31 minutes', purpose);
      await check(2);
      expect(await listOpen()).toEqual(['queue_old']);
      await run('delete from sms_messages');
      await check(3);
      expect(await listOpen()).toEqual([]);
    }
  });

  test('has no text of a time that was never', async () => {
    await writeTexts(1, { status: `'queued'`, send_after: `'-infinity'` });
    await writeTexts(1, { status: `'queued'`, send_after: `'infinity'` });
    await check(3);
    expect(await listOpen()).toEqual([]);
  });
});

describe('texts of a bulk move', () => {
  const [one, other] = [randomUUID(), randomUUID()];
  const waiting = (count: number, ago: string, source = one) =>
    writeTexts(count, {
      ...{ status: `'queued'`, send_after: `now() - interval '${ago}'`, source: `'${source}'` },
    });
  const sent = (ago: string, source: string | null) =>
    writeTexts(1, {
      ...{ created_at: `now() - interval '3 hours'`, attempted_at: `now() - interval '${ago}'` },
      source: source === null ? 'null' : `'${source}'`,
    });

  test('that go out slowly, and late, open no alarm', async () => {
    await waiting(5_000, '2 hours');
    await sent('14 minutes', one);
    await writeTexts(50, {
      ...{ created_at: `now() - interval '50 minutes'`, sent_at: 'now()', delivered_at: 'now()' },
      source: `'${one}'`,
    });
    await check(12);
    expect(await listOpen()).toEqual([]);
  });

  test('of which none is sent for a quarter of an hour open one, whatever else goes out', async () => {
    await waiting(3, '14 minutes');
    await waiting(2, '16 minutes', other);
    await sent('16 minutes', other);
    await sent('1 minute', one);
    await sent('1 minute', null);
    await check();
    expect(await listOpen()).toEqual([]);
    await check();
    const [alarm] = await listAlarms();
    expect(alarm).toMatchObject({ kind: 'bulk_stands_still', figures: { moves: 1 } });
    expect(alarm!.figures.seconds).toBeGreaterThanOrEqual(960);
    await sent('0 minutes', other);
    await check(2);
    expect(await listOpen()).toEqual([]);
  });

  test('open none while the sender rests, or other texts go first', async () => {
    await waiting(2, '16 minutes');
    await run(
      `insert into sms_senders (sender, next_slot_at, stopped_until) values ($1, now(), now() + interval '5 minutes')`,
      [fromPhone],
    );
    await check(3);
    expect(await listOpen()).toEqual([]);
    await run('delete from sms_senders');
    await writeTexts(1, { status: `'queued'`, purpose: `'notice'` });
    await check(3);
    expect(await listOpen()).toEqual([]);
    await run(`delete from sms_messages where purpose = 'notice'`);
    await writeTexts(1, { status: `'queued'`, purpose: `'verification'` });
    await check(2);
    expect(await listOpen()).toEqual(['bulk_stands_still']);
  });

  test('are none for what was written by a clock that was wrong', async () => {
    for (const at of ['-infinity', 'infinity']) {
      await writeTexts(1, { ...{ status: `'queued'`, send_after: `'${at}'` }, source: `'${randomUUID()}'` });
    }
    await check(3);
    expect(await listOpen()).toEqual([]);
    expect(lines.filter((line) => line.includes('alarm_condition_not_read'))).toEqual([]);
  });
});

describe('news of applications', () => {
  const due = async (ago: string) => {
    const {
      rows: [event],
    } = await run(`with application as (
        insert into applications (id, title, message, status, created_at, moved_at)
        values (gen_random_uuid(), 'A flat', '', 'in_review', now(), now()) returning id)
      insert into application_events (application_id, at, kind, actor_role, shows_at)
      select id, now(), 'moved', 'staff', now() from application returning id, application_id`);
    await run(
      `insert into application_notices (id, application_id, event_id, kind, due_at)
        values (gen_random_uuid(), $1, $2, 'news', ${ago})`,
      [event.application_id, event.id],
    );
  };

  test('that nobody has decided about for ten minutes opens an alarm, which ends once it is', async () => {
    await run('truncate applications cascade');
    await due(`now() - interval '9 minutes'`);
    await due(`now() + interval '3 days'`);
    await due(`'-infinity'`);
    await check(3);
    expect(await listOpen()).toEqual([]);
    await due(`now() - interval '11 minutes'`);
    await check(2);
    const [alarm] = await listAlarms();
    expect(alarm).toMatchObject({ kind: 'news_waits' });
    expect(alarm!.figures.seconds).toBeGreaterThanOrEqual(660);
    await run(`update application_notices set decided_at = now() where due_at < now() - interval '1 minute'`);
    await check(2);
    expect(await listOpen()).toEqual([]);
    expect(lines.filter((line) => line.includes('alarm_condition_not_read'))).toEqual([]);
  });
});

describe('deliveries', () => {
  const delivered = (count: number, after: string, more: Record<string, string> = {}) =>
    writeTexts(count, {
      created_at: `now() - interval '40 minutes'`,
      sent_at: `now() - interval '40 minutes'`,
      delivered_at: `now() - interval '40 minutes' + interval '${after}'`,
      ...more,
    });

  test('of which more than one in ten took longer than five minutes, in ten checks in a row, open an alarm', async () => {
    await delivered(18, '3 seconds');
    await delivered(2, '301 seconds');
    await check(12);
    expect(await listOpen()).toEqual([]);
    await delivered(1, '301 seconds');
    await check(9);
    expect(await listOpen()).toEqual([]);
    await check();
    expect(await listAlarms()).toMatchObject([
      { kind: 'slow_deliveries', figures: { delivered: 21, slow: 3 } },
    ]);
  });

  test.each(['infinity', '-infinity', '4000-01-01 BC'])('at %s say nothing about the others', async (odd) => {
    await writeTexts(20, {
      ...{ created_at: `now() - interval '20 minutes'`, held_at: `now() - interval '20 minutes'` },
      ...{ status: `'delivered'`, sent_at: `'${odd}'`, delivered_at: `'${odd}'` },
    });
    await check();
    expect(lines.filter((line) => line.includes('alarm_condition_not_read'))).toEqual([]);
    expect(await listOpen()).toEqual([]);
  });

  test('that are told to nobody yet count as slow, while any are told, however many texts there are', async () => {
    await delivered(20, '3 seconds');
    await writeTexts(1_100, {
      status: `'sent'`,
      created_at: `now() - interval '20 minutes'`,
      sent_at: `now() - interval '20 minutes'`,
    });
    const tell = () =>
      run(`insert into webhook_calls (hour, webhook, count, last_at) values (date_trunc('hour', now()), 'status', 1, now())
        on conflict (hour, webhook) do update set last_at = now()`);
    await check(11);
    expect(await listOpen()).not.toContain('slow_deliveries');
    await tell();
    await check(11);
    expect(await listOpen()).toContain('slow_deliveries');
  });

  test('that quiet hours put off are counted from their leaving, and those of before the last hour not at all', async () => {
    await delivered(20, '3 seconds');
    await delivered(9, '20 minutes', { held_at: 'now()', sent_at: `now() - interval '21 minutes'` });
    await delivered(9, '20 minutes', { created_at: `now() - interval '2 hours'` });
    await check(11);
    expect(await listOpen()).toEqual([]);
  });
});

test('a list of numbers out of service that was put aside opens an alarm until none waits', async () => {
  await run(`insert into sms_deactivations_aside (day, put_aside_at, numbers, would_mark, held)
    values ('2026-11-18', now(), 5000, 1200, 2500), ('2026-11-19', now(), 9000, 2400, 2500)`);
  await check();
  const [alarm] = await listAlarms();
  expect(alarm).toMatchObject({
    kind: 'carrier_list_aside',
    figures: { lists: 2, day: '2026-11-19', wouldMark: 2400, held: 2500 },
  });
  expect(explainAlarm(alarm!.kind, alarm!.figures).said).toBe(
    'The carriers’ list of 2026-11-19 would put 2,400 of the 2,500 numbers that people hold in doubt, which is far more than on other days. 2 lists wait. Nothing was marked.',
  );
  await run(`delete from sms_deactivations_aside`);
  await check();
  expect(await listOpen()).toEqual([]);
});

test('who records more than thirty opt-outs in an hour opens an alarm about themselves, until that is over', async () => {
  const [many, few] = [randomUUID(), randomUUID()];
  const told = (actor: string, count: number, ago = '10 minutes') =>
    run(
      `insert into audit_log (at, action, actor_id) select now() - $3::interval, 'opt_out_recorded', $1 from generate_series(1, $2::int)`,
      [actor, count, ago],
    );
  await told(many, 30);
  await told(few, 30);
  await told(few, 30, '61 minutes');
  await check(2);
  expect(await listAlarms()).toEqual([]);
  await told(many, 1);
  await check();
  const [alarm, ...others] = await listAlarms();
  expect(others).toEqual([]);
  expect(alarm).toMatchObject({ kind: 'opt_outs_recorded', subject: many, figures: { recorded: 31 } });
  expect(explainAlarm(alarm!.kind, alarm!.figures).said).toBe(
    'One of your people has recorded 31 opt-outs within an hour. Each stops all texts to a number, codes included.',
  );
  await run(`update audit_log set at = now() - interval '2 hours'`);
  await check(9);
  expect(await listOpen()).toEqual(['opt_outs_recorded']);
  await check();
  expect(await listOpen()).toEqual([]);
});
