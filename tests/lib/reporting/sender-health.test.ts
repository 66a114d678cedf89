import { beforeEach, expect, test } from 'vitest';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { listHealth, sayHealth } from '@/app/admin/sender/health-rows';
import { SendingNowFigures } from '@/app/admin/sending-now';
import { readSenderHealth, readSendingNow } from '@/lib/reporting/sender-health';
import { useDatabase } from '../../support/database';
import { withSettings } from '../../support/settings';
import { fromPhone, makeEnv, twilioVariables } from '../../support/texts';

const database = useDatabase();
const run = (statement: string) => database.pool.query(statement);
const twilio = makeEnv('postgres://localhost/unused', {
  ...twilioVariables('http://127.0.0.1:1'),
  SMS_MESSAGES_PER_SECOND: '1',
  SMS_DAILY_BUDGET_USD: '10',
});

beforeEach(() =>
  run('truncate sms_messages, sms_senders, sms_spend, webhook_calls, webhook_refusals, rolled_days'),
);

async function read() {
  const now = new Date();
  return withSettings(twilio, async () => {
    const health = await readSenderHealth(database.db, now);
    return { health, rows: listHealth(health, { timeZone: 'America/New_York', now }) };
  });
}

async function states(): Promise<Record<string, string>> {
  return Object.fromEntries((await read()).rows.map(({ id, state }) => [id, state.words]));
}

test('nothing has happened yet: nothing is wrong, and what cannot be known is said to be unknown', async () => {
  const { health, rows } = await read();
  expect(health).toMatchObject({
    senders: [{ name: fromPhone, stopped: null }],
    sent: 0,
    filtered: 0,
    unregistered: 0,
    waiting: 0,
  });
  expect(await states()).toEqual({
    stop: 'Good',
    registration: 'Good',
    filtered: 'Nothing yet',
    reports: 'Nothing yet',
    refused: 'Nothing yet',
    pace: 'Good',
    queue: 'Good',
    budget: 'Good',
  });
  expect(rows.every(({ now, whatToDo }) => now.length > 5 && whatToDo.length > 20)).toBe(true);
});

test('each figure is read from where it is, and judged', async () => {
  await run(`insert into sms_senders (sender, next_slot_at, stopped_until, stopped_reason)
    values ('${fromPhone}', now(), now() + interval '1 minute', 'sender_not_registered')`);
  // A thousand that were sent, of which twelve were filtered and three met an error of registration; and a queue.
  await run(`insert into sms_messages (id, phone, purpose, template, created_at, send_after, status, sent_at, attempted_at,
      delivered_at, error_code)
    select gen_random_uuid(), '+15005550123', 'update', 'applicationStatus', now() - interval '1 minute' * n, now(),
      case when n <= 15 then 'failed' else 'delivered' end, now() - interval '1 minute' * n, now() - interval '1 minute' * n,
      case when n > 15 then now() - interval '1 minute' * n + interval '2 seconds' end,
      case when n <= 12 then 30007 when n <= 13 then 30032 when n <= 15 then 30034 end
    from generate_series(1, 1000) n`);
  await run(`insert into sms_messages (id, phone, purpose, template, created_at, send_after, status)
    select gen_random_uuid(), '+15005550123', 'update', 'applicationStatus', now(), now() - interval '6 minutes', 'queued'
    from generate_series(1, 3)`);
  await run(`update sms_messages set attempted_at = now() - interval '10 seconds', sender = '${fromPhone}' where id in (
    select id from sms_messages where status = 'delivered' limit 55)`);
  await run(`insert into webhook_calls (hour, webhook, count, last_at)
    values (date_trunc('hour', now()), 'status', 40, now()), (date_trunc('hour', now()) - interval '2 days', 'status', 9, now()),
      (date_trunc('hour', now()), 'inbound', 2, now())`);
  await run(`insert into webhook_refusals (hour, webhook, reason, names_us, count, first_at, last_at)
    values (date_trunc('hour', now()), 'inbound', 'wrong_signature', true, 5, now(), now()),
      (date_trunc('hour', now()), 'inbound', 'no_signature', false, 700, now(), now())`);
  await run(
    `insert into sms_spend (scope, minute, micros) values ('all', date_trunc('minute', now()), 6000000)`,
  );
  const { health, rows } = await read();
  expect(health).toMatchObject({
    sent: 1000,
    filtered: 12,
    unregistered: 3,
    waiting: 3,
    senders: [{ role: 'updates', sentInLastMinute: 55, messagesPerSecond: 1 }],
    expectsReports: true,
    webhooks: { status: { accepted: 40, refused: 0 }, inbound: { accepted: 2, refused: 5 } },
  });
  expect(await states()).toEqual({
    stop: 'Bad',
    registration: 'Bad',
    filtered: 'Bad',
    reports: 'Good',
    refused: 'Bad',
    pace: 'Look',
    queue: 'Bad',
    budget: 'Look',
  });
  // The worst first.
  expect(rows.map(({ state }) => state.words)).toEqual([
    ...['Bad', 'Bad', 'Bad', 'Bad', 'Bad'],
    ...['Look', 'Look', 'Good'],
  ]);
  expect(rows.map(({ id }) => id)).toEqual([
    ...['stop', 'registration', 'filtered', 'refused', 'queue', 'pace', 'budget', 'reports'],
  ]);
  const said = Object.fromEntries(rows.map(({ id, now }) => [id, now]));
  expect(said.filtered).toBe('1.2% (12 of 1,000 texts, error 30007) in 7 days.');
  expect(said.pace).toBe('55 texts in the last minute; 60 can go out in one (SMS_MESSAGES_PER_SECOND).');
  expect(said.budget).toBe('60% of the budget for 24 hours is used ($6.00 of $10.00).');
});

test.each(['infinity', '294275-01-01Z'])(
  'a delivery that was written at %s leaves the last one unknown',
  async (at) => {
    await run(`insert into sms_messages (id, phone, purpose, template, created_at, send_after, status, sent_at, delivered_at)
      values (gen_random_uuid(), '+15005550123', 'update', 'applicationStatus', now(), now(), 'delivered', now(), '${at}')`);
    const sending = await withSettings(twilio, () => readSendingNow(database.db, new Date()));
    expect(sending.lastReceiptAt).toBeNull();
  },
);

test('one text, call or report is said to be one', async () => {
  const now = new Date();
  const { health } = await read();
  const one = { accepted: 1, refused: 0, lastAt: now };
  const [sender] = health.senders;
  const single = {
    ...{ ...health, unregistered: 1, sent: 1, filtered: 1, expectsReports: true },
    senders: [{ ...sender!, sentInLastMinute: 1 }],
    webhooks: {
      status: { ...health.webhooks.status, ...one },
      inbound: { ...health.webhooks.inbound, ...one },
    },
  };
  const rows = listHealth(single, { timeZone: 'America/New_York', now });
  const said = rows.map((row) => row.now).join(' ');
  expect(said).toContain('1 text met an error of registration');
  expect(said).toContain('(1 of 1 text, error 30007)');
  expect(said).toContain('One call came in 24 hours, 1 second ago.');
  expect(said).toContain('In 24 hours 1 status report and 1 text from people were taken;');
  expect(said).toContain('1 text in the last minute;');
});

test('the dashboard judges as the page about the sender does', async () => {
  const now = new Date();
  const clock = { timeZone: 'America/New_York', now };
  const seen = async () => {
    const { health, rows } = await read();
    const figures = renderToStaticMarkup(
      createElement(SendingNowFigures, { sending: health.sending, rows, isStopTold: true, clock }),
    );
    return { words: sayHealth(rows), isMarked: figures.includes('warning') };
  };
  expect(await seen()).toEqual({ words: 'Nothing is wrong with the sender.', isMarked: false });
  // Six of ten dollars.
  await run(
    `insert into sms_spend (scope, minute, micros) values ('all', now() - interval '10 minutes', 6000000)`,
  );
  expect(await states()).toMatchObject({ budget: 'Look' });
  expect(await seen()).toEqual({ words: 'To look at: Budget.', isMarked: true });
});

test('between two tries of a sender that is refused nothing is called good', async () => {
  await run(`insert into sms_senders (sender, next_slot_at, stopped_until, stopped_reason)
    values ('${fromPhone}', now(), now() - interval '1 minute', 'provider_authentication')`);
  expect(await states()).toMatchObject({ stop: 'Bad' });
  const { rows } = await read();
  expect(rows.find(({ id }) => id === 'stop')?.now).toMatch(/refuses us .*The next text tries again\./);
  await run('update sms_senders set stopped_until = null, stopped_reason = null');
  expect(await states()).toMatchObject({ stop: 'Good' });
});
