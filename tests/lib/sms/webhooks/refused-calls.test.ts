import { afterEach, describe, expect, test } from 'vitest';
import { webhookRefusals } from '@/db/schema/sms';
import { openLog } from '@/lib/log';
import { makeRefusalCounter, pruneRefusals, type WebhookRefusal } from '@/lib/sms/webhooks/refused-calls';
import { recordStatements, useDatabase } from '../../../support/database';
import { after, noon } from '../../../support/people';

const database = useDatabase();
const junk: WebhookRefusal = { webhook: 'inbound', reason: 'no_signature', namesUs: false };
const ours: WebhookRefusal = { webhook: 'inbound', reason: 'wrong_signature', namesUs: true };

afterEach(() => database.pool.query('truncate webhook_refusals, rate_limits'));

function start(db = () => database.db) {
  const lines: string[] = [];
  const log = openLog({ level: 'info', write: (line) => lines.push(line.replace(/^\S+ /, '')) });
  const counter = makeRefusalCounter({ db, log: () => log });
  return { ...counter, lines, alerts: () => lines.filter((line) => line.includes('sms_alert')) };
}

async function readCounts() {
  const rows = await database.db.select().from(webhookRefusals);
  return rows.map(({ webhook, reason, namesUs, count }) => [webhook, reason, namesUs, count]).sort();
}

describe('a refused call', () => {
  test('leaves a line, and a thousand of them one row a kind and hour, in two statements', async () => {
    const counter = start();
    const statements = await recordStatements(database.pool, async () => {
      for (let n = 0; n < 1000; n += 1) counter.note(junk, after(noon, n));
      counter.note({ ...junk, webhook: 'status' }, noon);
      counter.note(junk, after(noon, 3600));
      await counter.flush();
    });
    expect(statements).toHaveLength(1);
    expect(counter.lines).toHaveLength(1002);
    expect(counter.lines[0]).toBe('info webhook_refused webhook=inbound reason=no_signature namesUs=false');
    expect(await readCounts()).toEqual([
      ['inbound', 'no_signature', false, 1],
      ['inbound', 'no_signature', false, 1000],
      ['status', 'no_signature', false, 1],
    ]);
    expect(counter.alerts()).toEqual([]);
  });

  test('is counted together with those of other processes, first and last moment included', async () => {
    const counters = [start(), start(), start()];
    counters.forEach((counter, n) => counter.note(ours, after(noon, n)));
    await Promise.all(counters.map((counter) => counter.flush()));
    expect(await database.db.select().from(webhookRefusals)).toMatchObject([
      { count: 3, firstAt: noon, lastAt: after(noon, 2) },
    ]);
  });

  test('that names our account alerts, the first in an hour over all processes, and says where to look', async () => {
    const [one, other] = [start(), start()];
    for (const counter of [one, other, one]) {
      counter.note(ours, noon);
      await counter.flush();
    }
    expect([...one.alerts(), ...other.alerts()]).toHaveLength(1);
    expect(one.alerts()[0]).toMatch(
      /^error sms_alert alert=webhook_refused webhook=inbound reason=wrong_signature count=1 likely=".*TWILIO_AUTH_TOKEN.*APP_URL/,
    );
    other.note(ours, after(noon, 3600));
    await other.flush();
    expect(other.alerts()).toHaveLength(1);
  });

  test('that is signed for another account alerts too: nobody else has our token', async () => {
    const counter = start();
    counter.note({ webhook: 'status', reason: 'wrong_account', namesUs: false }, noon);
    await counter.flush();
    expect(counter.alerts()[0]).toContain('TWILIO_ACCOUNT_SID');
  });

  test('is written by itself a moment later', async () => {
    const counter = start();
    counter.note(junk, noon);
    await expect.poll(readCounts).toHaveLength(1);
  });

  test('is kept while the database is away', async () => {
    let isAway = true;
    const counter = start(() => {
      if (isAway) throw new Error('away');
      return database.db;
    });
    counter.note(ours, noon);
    await counter.flush();
    counter.note(ours, noon);
    isAway = false;
    await counter.flush();
    expect(await readCounts()).toEqual([['inbound', 'wrong_signature', true, 2]]);
    expect(counter.alerts()).toHaveLength(1);
  });
});

test('counts are removed after ninety days, so many at a time', async () => {
  const counter = start();
  for (const hours of [0, 1, 2]) counter.note(junk, after(noon, hours * 3600));
  await counter.flush();
  const later = after(noon, 90 * 86_400 + 7200);
  expect(await pruneRefusals(database.db, noon, 10)).toBe(0);
  expect(await pruneRefusals(database.db, later, 1)).toBe(1);
  expect(await pruneRefusals(database.db, later, 10)).toBe(1);
  expect(await readCounts()).toHaveLength(1);
});
