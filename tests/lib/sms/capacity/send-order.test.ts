import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { PaceClock } from '@/lib/sms/capacity/pace-clock';
import { findCrowd } from '@/lib/sms/capacity/send-order';
import { addSender } from '@/lib/sms/capacity/send-rate';
import { claimSends } from '@/lib/sms/dispatch/claim';
import { openLog } from '@/lib/log';
import { openConsole } from '@/lib/sms/provider/console';
import { useDatabase } from '@/tests/support/database';
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

test('a crowd that came since the tables were looked at last is counted once for each network', async () => {
  // What the tables usually are when a crowd comes: large, and with nothing that waits.
  await database.db.execute(sql`
    insert into sms_messages (id, phone, purpose, template, created_at, send_after, status)
    select gen_random_uuid(), '+1415' || (2000000 + i), 'verification', 'verification', now() - interval '30 days',
      now() - interval '30 days', 'delivered' from generate_series(1, 20000) i`);
  await database.db.execute(sql`
    insert into sms_verification_log (at, event, phone, network)
    select now() - interval '30 days', 'send_requested', '+1415' || (2000000 + i), 'network:' || (i % 60)
    from generate_series(1, 20000) i`);
  await database.db.execute(sql`vacuum analyze sms_messages`);
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
      network: 'network:x',
      sender: 'console',
      messagesPerSecond: 10,
    } as const;
    await findCrowd(recorder.db, { ...asked, now: new Date() });
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
