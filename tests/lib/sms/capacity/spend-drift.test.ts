import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterEach, expect, test } from 'vitest';
import { applyStatus } from '@/lib/sms/delivery/status-report';
import { runDispatcher } from '@/lib/sms/dispatch/dispatch';
import { cancelTexts } from '@/lib/sms/outbox/text-outbox';
import type { Provider, SendOutcome } from '@/lib/sms/provider/provider';
import { useDatabase } from '../../../support/database';
import { askForCode, askForUpdate, makeEnv, makePerson } from '../../../support/texts';

const database = useDatabase();
const lastsMs = 12_000;

let dispatchers: { stop(): Promise<void> }[] = [];
const reports: Promise<unknown>[] = [];
const faults: unknown[] = [];

afterEach(async () => {
  await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()));
});

const rest = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function pick<Value>(values: readonly Value[]): Value {
  return values[Math.floor(Math.random() * values.length)]!;
}

/** Everything that a provider can say, at any time, before its answer or after it. */
function report(messageId: string, sid: string, to: string): void {
  const status = pick(['queued', 'sent', 'failed', 'delivered', 'undelivered']);
  const errorCode = status === 'failed' ? pick([30003, 30005, 30008, 30022]) : null;
  const price = pick([null, null, '-0.0083', '-0.0166', '-0.001']);
  const said = {
    messageId,
    sid,
    status,
    errorCode,
    price,
    priceUnit: 'USD',
    segments: 1,
    to,
    now: new Date(),
  };
  reports.push(applyStatus(database.db, said).catch((error: unknown) => faults.push(error)));
}

function openMoody(): Provider {
  return {
    name: 'twilio',
    sender: '+15005550006',
    lookUpAfterMs: 150,
    firstCheckAfterMs: null,
    prepare: async () => undefined,
    sendText: async ({ to, messageId }): Promise<SendOutcome> => {
      const sid = `SM${randomUUID().replaceAll('-', '')}`;
      if (Math.random() < 0.4) setTimeout(() => report(messageId, sid, to), Math.random() * 60);
      await rest(Math.random() * 40);
      const answer = pick([
        'accepted',
        'accepted',
        'accepted',
        'unknown',
        'unreachable',
        'refused',
        'thrown',
      ]);
      switch (answer) {
        case 'accepted':
          if (Math.random() < 0.5) setTimeout(() => report(messageId, sid, to), Math.random() * 200);
          return { outcome: 'accepted', sid, status: pick(['queued', 'queued', 'failed']), segments: 1 };
        case 'unknown':
        case 'unreachable':
          return { outcome: answer, fault: 'test' };
        case 'refused': {
          const code = pick([20429, 21211, 21611, 30003, 99_999]);
          return { outcome: 'refused', code, httpStatus: 400, retryAfterSeconds: null };
        }
        default:
          throw new Error('a fault of ours');
      }
    },
    findTexts: async () => (Math.random() < 0.3 ? { ok: false, fault: 'test' } : { ok: true, texts: [] }),
    listTexts: async () => ({ ok: true, texts: [], nextPage: null }),
    listInboxes: async () => ({ ok: true, numbers: [] }),
    readText: async () => ({ ok: true, text: null }),
    confirmEntry: async () => ({ ok: true }),
    readDeactivations: async () => ({ ok: true, count: 0 }),
  };
}

/** The minutes whose sum is not that of the prices which were reserved in it. */
async function findDrift() {
  const { rows } = await database.db.execute(sql`
    with prices as (
      select scope, date_trunc('minute', reserved_at) as minute, sum(price * 1000000)::bigint as micros
      from sms_messages, unnest(spend_scopes) scope
      where price is not null and reserved_at is not null group by 1, 2
    )
    select coalesce(p.scope, s.scope) as scope, p.micros as prices, s.micros as sum
    from prices p full join sms_spend s on s.scope = p.scope and s.minute = p.minute
    where coalesce(p.micros, 0) <> coalesce(s.micros, 0)`);
  return rows;
}

test('the sums are those of the prices at every moment, whatever a provider and three dispatchers do', async () => {
  const env = makeEnv(database.url, { SMS_DAILY_BUDGET_USD: '2', SMS_MESSAGES_PER_SECOND: '300' });
  const provider = openMoody();
  const start = () => runDispatcher({ env, db: database.db, provider, log: () => undefined });
  dispatchers = [start(), start(), start()];
  const endMs = performance.now() + lastsMs;
  let looks = 0;
  while (performance.now() < endMs) {
    const people = await Promise.all(Array.from({ length: 6 }, () => makePerson(database.db)));
    await Promise.all(
      people.map((person) =>
        Math.random() < 0.5 ? askForCode(database.db, person) : askForUpdate(database.db, person),
      ),
    );
    await database.db.execute(sql`update sms_messages set send_after = now()
      where status = 'queued' and send_after > now() and random() < 0.5`);
    await database.db.execute(sql`update sms_senders set next_slot_at = now(), stopped_until = null`);
    if (Math.random() < 0.2) {
      // As if a dispatcher had died with these claimed.
      await database.db.execute(sql`update sms_messages set lease_until = lease_until - interval '12 seconds'
        where status = 'sending' and random() < 0.5`);
    }
    if (Math.random() < 0.3) {
      await database.db.transaction((tx) =>
        cancelTexts(tx, { userId: people[0]!.userId }, 'test', new Date()),
      );
    }
    if (Math.random() < 0.1) {
      await dispatchers.shift()!.stop();
      dispatchers.push(start());
    }
    await rest(30);
    expect(await findDrift()).toEqual([]);
    looks += 1;
  }
  await Promise.all(reports);
  expect(faults).toEqual([]);
  expect(looks).toBeGreaterThan(5);
  const { rows } = await database.db.execute<{ lost: number; negative: number }>(sql`
    select (select count(*)::int from sms_messages
      where status = 'sending' and lease_until is null and unknown_since is null) as lost,
      (select count(*)::int from sms_spend where micros < 0) as negative`);
  expect(rows[0]).toEqual({ lost: 0, negative: 0 });
});
