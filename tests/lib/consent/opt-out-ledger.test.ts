import { asc, eq } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { smsOptOuts } from '@/db/schema/consent';
import { recordOptOut } from '@/lib/consent/opt-out-ledger';
import { useDatabase } from '@/tests/support/database';
import { newPhone, noon } from '@/tests/support/people';

const database = useDatabase();

const byText = {
  recordedBy: 'inbound_webhook',
  sender: '+15005550006',
  words: 'no more please',
  providerSid: 'SM00000000000000000000000000000001',
} as const;

test('the ledger of opt-outs refuses update, delete and truncate', async () => {
  const phone = newPhone();
  await database.db.transaction((tx) =>
    recordOptOut(tx, { phone, act: 'opted_out', covers: ['updates'], evidence: byText, at: noon }),
  );
  for (const statement of [
    `update sms_opt_outs set act = 'lifted'`,
    'delete from sms_opt_outs',
    'truncate sms_opt_outs',
  ]) {
    await expect(database.pool.query(statement)).rejects.toThrow('append-only');
  }
});

test('it keeps what was said, where, to whom and what it covers, each time again, and a text once', async () => {
  const phone = newPhone();
  const both = ['verification', 'updates'] as const;
  const long = { ...byText, words: 'stop '.repeat(1_000), providerSid: 'SM00000000000000000000000000000002' };
  await database.db.transaction(async (tx) => {
    await recordOptOut(tx, { phone, act: 'opted_out', covers: both, evidence: byText, at: noon });
    await recordOptOut(tx, { phone, act: 'opted_out', covers: both, evidence: long, at: noon });
    await recordOptOut(tx, { phone, act: 'opted_out', covers: both, evidence: long, at: noon });
  });
  const rows = await database.db
    .select()
    .from(smsOptOuts)
    .where(eq(smsOptOuts.phone, phone))
    .orderBy(asc(smsOptOuts.id));
  expect(rows).toMatchObject([
    { at: noon, act: 'opted_out', channel: 'text', covers: both, userId: null, ...byText },
    { channel: 'text', words: long.words.slice(0, 1_600) },
  ]);
});
