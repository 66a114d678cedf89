import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openConsole } from '@/lib/sms/provider/console';
import { runDispatcher } from '@/lib/sms/dispatch/dispatch';
import { recordStatements, useDatabase } from '../../../support/database';
import { askForCode, askForUpdate, makeEnv, makePerson, whenText } from '../../../support/texts';

const database = useDatabase();
let dispatcher: { stop(): Promise<void> };

beforeEach(async () => {
  await database.db.execute(sql`truncate sms_messages, sms_senders, sms_spend`);
});

afterEach(() => dispatcher.stop());

function start(variables: Record<string, string> = {}): void {
  const env = makeEnv(database.url, { SMS_DAILY_BUDGET_USD: '1000', ...variables });
  const provider = openConsole(() => undefined);
  dispatcher = runDispatcher({ env, db: database.db, provider, log: () => undefined });
}

const rest = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('an idle dispatcher sends at most 12 statements in ten seconds', async () => {
  start();
  await rest(1_500);
  const statements = await recordStatements(database.pool, () => rest(10_000));
  expect(statements.length).toBeLessThanOrEqual(12);
});

test.each([
  ['without a limit on the pace', {}, 9],
  ['with one', { SMS_MESSAGES_PER_SECOND: '50' }, 10],
])('a text that comes alone takes a handful of statements, %s', async (_, variables, most) => {
  start(variables);
  const person = await makePerson(database.db);
  await rest(1_200);
  const statements = await recordStatements(database.pool, async () => {
    const { messageId } = await askForCode(database.db, person);
    await whenText(database.db, messageId, (row) => row.status === 'sent');
  });
  const own = statements.filter(
    (text) =>
      /pg_advisory|sms_spend|with clock|sms_senders|with wanted as materialized|set status = 'sent'|left join "phone_numbers"/.test(
        text,
      ) &&
      // It looks for work each second, the oftener in between the busier the machine is.
      !text.includes('as abandoned'),
  );
  // Claim, send policy, lock, sums, reservation, outcome, and the ends of a transaction.
  expect(own.length + 2).toBeLessThanOrEqual(most);
});

test('a hundred texts that wait together take less than half a statement each', async () => {
  const people = await Promise.all(Array.from({ length: 100 }, () => makePerson(database.db)));
  const ids = await Promise.all(people.map((person) => askForUpdate(database.db, person)));
  const statements = await recordStatements(database.pool, async () => {
    start();
    for (;;) {
      await rest(100);
      const { rows } = await database.db.execute<{ sent: number }>(
        sql`select count(*)::int as sent from sms_messages where status = 'sent'`,
      );
      if (rows[0]!.sent === ids.length) return;
    }
  });
  // This test asks as well, the oftener the busier the machine is.
  const own = statements.filter((text) => !text.includes('as sent from sms_messages'));
  expect(own.length).toBeLessThan(ids.length / 2);
});
