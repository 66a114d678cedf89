import { eq } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { smsMessages } from '@/db/schema/sms';
import { openLog } from '@/lib/log';
import { PaceClock } from '@/lib/sms/capacity/pace-clock';
import { readPolicyFacts } from '@/lib/sms/dispatch/send-policy-facts';
import { lookUpOutcome } from '@/lib/sms/dispatch/look-up-outcome';
import { eraseNumbersOfSent, anonymizeTexts } from '@/lib/sms/outbox/erase-texts';
import type { Provider } from '@/lib/sms/provider/provider';
import { renderStoredText } from '@/lib/sms/outbox/text-templates';
import { useDatabase } from '../../../support/database';
import { askForUpdate, makeEnv, makePerson, readText } from '../../../support/texts';

const database = useDatabase();

test('a text that went out unheard is found though its account was deleted meanwhile, and erased then', async () => {
  const { db } = database;
  const person = await makePerson(db);
  const id = await askForUpdate(db, person);
  const { template, params } = await readText(db, id);
  const now = new Date();
  const lease = new Date(now.getTime() + 10_000);
  const price = '0.007900';
  await db
    .update(smsMessages)
    .set({
      status: 'sending',
      leaseUntil: lease,
      unknownSince: now,
      firstClaimedAt: now,
      price,
      estimatedPrice: price,
      reservedAt: now,
    })
    .where(eq(smsMessages.id, id));
  await db.transaction((tx) => anonymizeTexts(tx, person.userId));

  const state = { errorCode: null, price: null, priceUnit: null, segments: 1 };
  const found = {
    ...state,
    sid: 'SM1',
    status: 'delivered',
    body: renderStoredText(template, params)!.body,
  };
  const provider = {
    sender: '+15005550006',
    lookUpAfterMs: 0,
    firstCheckAfterMs: 1_000,
    findTexts: () => Promise.resolve({ ok: true, texts: [found] }),
  } as unknown as Provider;
  const work = {
    db,
    provider,
    env: makeEnv(database.url),
    log: openLog({ level: 'error' }),
    paceClock: new PaceClock(),
    role: 'updates' as const,
    clockOffsetMs: 0,
  };
  const facts = (await readPolicyFacts(db, [id])).get(id)!;
  await lookUpOutcome(work, { id, isCode: false, lease, clock: () => new Date() }, facts);
  expect(await readText(db, id)).toMatchObject({ status: 'delivered', providerSid: 'SM1', price });

  await db.update(smsMessages).set({ checkAt: null }).where(eq(smsMessages.id, id));
  expect(await eraseNumbersOfSent(db, new Date(), 10)).toBe(1);
  expect(await readText(db, id)).toMatchObject({
    phone: '',
    params: { url: '' },
    price,
  });
});
