import { eq, sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { smsMessages } from '@/db/schema/sms';
import { enqueueRetry } from '@/lib/sms/delivery/after-failure';
import { retryKey } from '@/lib/sms/outbox/text-outbox';
import { useDatabase } from '../../../support/database';
import { after, noon } from '../../../support/people';
import { askForUpdate, makePerson } from '../../../support/texts';

const database = useDatabase();

async function retry(messageId: string) {
  await database.db.transaction((tx) =>
    enqueueRetry(tx, messageId, { sendAfter: after(noon, 60), now: noon }),
  );
  const [row] = await database.db
    .select()
    .from(smsMessages)
    .where(eq(smsMessages.dedupeKey, retryKey(messageId)));
  return row;
}

test('a repetition says the same, in the name that the first text spoke in, and comes once', async () => {
  const id = await askForUpdate(database.db, await makePerson(database.db));
  await database.db.execute(
    sql`update sms_messages set params = params || '{"site": "Elm Homes"}' where id = ${id}`,
  );
  const params = { site: 'Elm Homes', url: 'http://localhost' };
  const first = await retry(id);
  expect(first).toMatchObject({ template: 'applicationStatus', params, retries: 1 });
  expect(await retry(id)).toMatchObject({ id: first!.id });
});

test.each([
  ['whose template is gone', sql`template = 'old'`],
  ['that lacks what its template needs', sql`params = params - 'url'`],
])('a text %s is not repeated', async (_, change) => {
  const id = await askForUpdate(database.db, await makePerson(database.db));
  await database.db.execute(sql`update sms_messages set ${change} where id = ${id}`);
  expect(await retry(id)).toBeUndefined();
});
