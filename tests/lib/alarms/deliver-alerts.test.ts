import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asc } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { alarmAlerts } from '@/db/schema/alarms';
import { checkAlarms } from '@/lib/alarms/check-alarms';
import { deliverAlerts } from '@/lib/alarms/deliver-alerts';
import { runAlarms } from '@/lib/alarms/run-alarms';
import { openLog } from '@/lib/log';
import { useDatabase } from '../../support/database';
import { makeEnv, twilioVariables } from '../../support/texts';

const database = useDatabase();
const secret = 'a secret that only the receiver knows';
const lines: string[] = [];
const log = openLog({ level: 'info', write: (line) => void lines.push(line.replace(/^\S+ /, '')) });

type Call = { path: string; signature: string; body: string; type: string | undefined };
const calls: Call[] = [];
/** How each call is answered, in order; 200 where there is nothing left. */
const answers: ((response: ServerResponse) => void)[] = [];

const receiver = createServer((request: IncomingMessage, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { headers, url } = request;
    calls.push({
      path: url!,
      signature: String(headers['doorstep-signature']),
      body: Buffer.concat(chunks).toString('utf8'),
      type: headers['content-type'],
    });
    const answer = answers.shift() ?? ((each) => void each.writeHead(200).end('ok'));
    answer(response);
  });
});
function withStatus(
  status: number,
  headers: Record<string, string> = {},
): (response: ServerResponse) => void {
  return (response) => void response.writeHead(status, headers).end('x'.repeat(100));
}

function cutOff(response: ServerResponse): void {
  response.destroy();
}

let webhook: { url: string; secret: string };
beforeAll(async () => {
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
  webhook = { url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/alerts?team=1`, secret };
});
afterAll(() => {
  receiver.closeAllConnections();
  receiver.close();
});

beforeEach(async () => {
  lines.length = 0;
  calls.length = 0;
  answers.length = 0;
  await database.pool.query('truncate alarms, alarm_checks, alarm_rounds, alarm_alerts, sms_spend cascade');
});

const env = () => ({
  ...makeEnv(database.url, { ...twilioVariables('http://127.0.0.1:1'), SMS_DAILY_BUDGET_USD: '1' }),
  alertWebhook: webhook,
});
const run = (statement: string) => database.pool.query(statement);

async function spend(micros: number, rounds: number): Promise<void> {
  await run(`insert into sms_spend (scope, minute, micros) values ('all', date_trunc('minute', now()), ${micros})
    on conflict (scope, minute) do update set micros = excluded.micros`);
  for (let round = 0; round < rounds; round += 1) {
    await run(`update alarm_rounds set next_at = now() - interval '1 second'`);
    await checkAlarms({ db: database.db, env: env(), log });
  }
}
const openAlarm = () => spend(600_000, 1);
const endAlarm = () => spend(0, 10);

const deliver = (options = {}) => deliverAlerts(database.db, webhook, log, options);
const listAlerts = () => database.db.select().from(alarmAlerts).orderBy(asc(alarmAlerts.createdAt));
/** Lets what was put off be due. */
const skipPause = () =>
  run(`update alarm_alerts set send_after = now() - interval '1 second' where sent_at is null`);

test('an opening is told once, signed with time and body, in words and without anything about a person', async () => {
  await openAlarm();
  expect(await deliver()).toBe(1);
  expect(await deliver()).toBe(0);
  const [call] = calls;
  expect(calls).toHaveLength(1);
  expect(call).toMatchObject({ path: '/alerts?team=1', type: 'application/json' });
  const [, t, v1] = /^t=(\d{10}),v1=([0-9a-f]{64})$/.exec(call!.signature)!;
  expect(v1).toBe(createHmac('sha256', secret).update(`${t}.${call!.body}`).digest('hex'));
  expect(Math.abs(Number(t) - Date.now() / 1000)).toBeLessThan(60);
  const body = JSON.parse(call!.body) as Record<string, unknown>;
  expect(body).toMatchObject({
    event: 'opened',
    kind: 'budget_50',
    subject: null,
    site: 'Doorstep',
    name: 'Half of the budget is used',
    figures: { spentMicros: 600_000, budgetMicros: 1_000_000 },
    url: 'http://localhost:3000/admin',
  });
  expect(body.said).toContain('$0.60 of $1.00');
  expect(Object.keys(body).sort()).toEqual(
    [
      'alarm',
      'at',
      'event',
      'figures',
      'id',
      'kind',
      'name',
      'said',
      'since',
      'site',
      'subject',
      'url',
      'whatToDo',
    ].sort(),
  );
  const [alert] = await listAlerts();
  expect(body.id).toBe(alert!.id);
  expect(alert!.sentAt).not.toBeNull();
});

test('the end is told too, and never before the opening', async () => {
  answers.push(withStatus(500));
  await openAlarm();
  await deliver();
  await endAlarm();
  // The opening pauses; its end waits for it.
  expect(await deliver()).toBe(0);
  await skipPause();
  while ((await deliver()) > 0);
  const events = calls.map(({ body }) => (JSON.parse(body) as { event: string }).event);
  expect(events).toEqual(['opened', 'opened', 'ended']);
  const [first, again] = calls;
  expect(again!.body).toBe(first!.body);
});

describe('an alert that is not taken', () => {
  test.each([
    ['http_500', withStatus(500)],
    ['http_404', withStatus(404)],
    ['redirect', withStatus(302, { location: '/elsewhere' })],
    ['redirect', withStatus(307, { location: 'http://127.0.0.1:9/elsewhere' })],
    ['no_connection', cutOff],
    ['timeout', () => undefined],
  ] as const)('is put off: %s', async (cause, answer) => {
    answers.push(answer);
    await openAlarm();
    expect(await deliver({ timeoutMs: 300 })).toBe(1);
    const [alert] = await listAlerts();
    expect(alert).toMatchObject({ cause, attempts: 1, sentAt: null, endedAt: null, leaseId: null });
    // Nothing went where the answer pointed.
    expect(calls.map(({ path }) => path)).toEqual(['/alerts?team=1']);
    expect(await deliver()).toBe(0);
    await skipPause();
    expect(await deliver()).toBe(1);
    expect((await listAlerts())[0]!.sentAt).not.toBeNull();
    expect(lines.filter((line) => line.includes('alert_not_taken'))).toHaveLength(1);
    expect(lines.join()).not.toContain('team=1');
  });

  test.each(['infinity', '290000-01-01Z'])(
    'is given up in the end also where it was written at %s',
    async (moment) => {
      await openAlarm();
      await run(`update alarm_alerts set created_at = '${moment}', attempts = 29, send_after = now()`);
      answers.push(withStatus(503));
      expect(await deliver()).toBe(1);
      expect(lines.at(-1)).toMatch(/^error alert_given_up /);
    },
  );

  test('is tried again after pauses that grow to two hours, and given up after a day', async () => {
    await openAlarm();
    const pauses: number[] = [];
    for (let attempt = 1; attempt <= 11; attempt += 1) {
      answers.push(withStatus(503));
      expect(await deliver()).toBe(1);
      const { rows } = await database.pool.query<{ seconds: number }>(
        'select round(extract(epoch from send_after - now()))::float8 as seconds from alarm_alerts',
      );
      pauses.push(rows[0]!.seconds);
      await skipPause();
    }
    const wanted = [30, 60, 120, 240, 480, 960, 1_920, 3_840, 7_200, 7_200, 7_200];
    pauses.forEach((pause, n) => expect(Math.abs(pause - wanted[n]!)).toBeLessThanOrEqual(2));
    await run(`update alarm_alerts set created_at = created_at - interval '1 day'`);
    answers.push(withStatus(503));
    expect(await deliver()).toBe(1);
    expect((await listAlerts())[0]!.endedAt).not.toBeNull();
    await skipPause();
    expect(await deliver()).toBe(0);
    expect(lines.at(-1)).toMatch(/^error alert_given_up alert=\S+ told=opened cause=http_503 attempts=12$/);
  });

  test('since its receiver is not there is put off, too', async () => {
    await openAlarm();
    await deliverAlerts(database.db, { url: 'http://127.0.0.1:9/', secret }, log);
    expect((await listAlerts())[0]).toMatchObject({ cause: 'no_connection' });
  });
});

test('an answer that never ends is taken by its status', async () => {
  answers.push((response) => void response.writeHead(200).write('x'));
  await openAlarm();
  await deliver();
  expect((await listAlerts())[0]!.sentAt).not.toBeNull();
});

test('many processes at once tell each alert once', async () => {
  for (const micros of [600_000, 900_000, 1_000_000]) await spend(micros, 1);
  const counts = await Promise.all(Array.from({ length: 8 }, () => deliver()));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(3);
  expect(new Set(calls.map(({ body }) => body)).size).toBe(3);
  expect(calls).toHaveLength(3);
});

test('what a process died over is told once its lease is over, and not before', async () => {
  await openAlarm();
  await run(
    `update alarm_alerts set lease_id = gen_random_uuid(), leased_until = now() + interval '30 seconds', attempts = 1`,
  );
  expect(await deliver()).toBe(0);
  await run(`update alarm_alerts set leased_until = now() - interval '1 second'`);
  expect(await deliver()).toBe(1);
  expect((await listAlerts())[0]).toMatchObject({ attempts: 2 });
});

test('moments that a wrong clock wrote far ahead keep no alert back', async () => {
  await openAlarm();
  await run(
    `update alarm_alerts set send_after = now() + interval '1 year', leased_until = now() + interval '1 year'`,
  );
  expect(await deliver()).toBe(1);
});

test('a worker checks, tells, and stops', async () => {
  await run(
    `insert into sms_spend (scope, minute, micros) values ('all', date_trunc('minute', now()), 600000)`,
  );
  const [one, other] = [0, 1].map(() =>
    runAlarms({ db: database.db, env: env(), log: () => undefined, everyMs: 20 }),
  );
  await expect.poll(() => calls.length).toBe(1);
  await Promise.all([one!.stop(), other!.stop()]);
  expect(calls).toHaveLength(1);
  expect(await listAlerts()).toHaveLength(1);
});
