import { sql } from 'drizzle-orm';
import { afterEach, expect, test } from 'vitest';
import { sumSpend } from '@/lib/sms/capacity/budget';
import { runDispatcher } from '@/lib/sms/dispatch/dispatch';
import { priceOf } from '@/lib/sms/capacity/price';
import { useDatabase } from '../../../support/database';
import { askForUpdate, makeEnv, makePerson, whenText } from '../../../support/texts';

const database = useDatabase();
const served = { SMS_COUNTRIES: 'US,CA,GB,JM', SMS_PRICE_PER_SEGMENT_USD: '0.0079,GB:0.04,JM:0.2' };

let dispatcher: { stop(): Promise<void> } | undefined;

afterEach(async () => {
  await dispatcher?.stop();
});

test.each([
  ['+12125550100', 7_900],
  ['+14165550123', 7_900],
  ['+447400123456', 40_000],
  ['+18765551234', 200_000],
  ['+33612345678', 7_900],
  // Fictional: of the first country that is served, not of the dearest with the same code.
  ['+15551234567', 7_900],
])('a segment to %s is estimated at %i millionths of a dollar', (phone, micros) => {
  expect(priceOf(makeEnv(database.url, served), phone)).toBe(micros);
});

test("texts reserve and count their own country's price", async () => {
  const texts = [];
  for (const phone of ['+12125550100', '+447400123456']) {
    texts.push(await askForUpdate(database.db, await makePerson(database.db, { phone })));
  }
  await database.db.execute(sql`truncate sms_spend`);
  const env = makeEnv(database.url, served);
  dispatcher = runDispatcher({ env, db: database.db, log: () => undefined });
  const prices = [];
  for (const id of texts) {
    const sent = await whenText(database.db, id, ({ sentAt }) => sentAt !== null);
    prices.push([sent.estimatedPrice, sent.segments]);
  }
  expect(prices).toEqual([
    ['0.007900', 1],
    ['0.040000', 1],
  ]);
  expect(await sumSpend(database.db, 'all', new Date())).toBe(47_900n);
});
