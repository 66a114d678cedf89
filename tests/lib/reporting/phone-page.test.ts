import { eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { phoneNumbers } from '@/db/schema/sms';
import { env } from '@/lib/env';
import { newId } from '@/lib/random';
import { readPhonePage, type PhonePage } from '@/lib/reporting/phone-page';
import { openPhoneId, sealPhoneId } from '@/lib/reporting/phone-id';
import { sealSubject } from '@/lib/reporting/message-subject';
import { recordOptOut } from '@/lib/consent/opt-out-ledger';
import { withdrawConsent } from '@/lib/consent/ledger';
import { explainNext } from '@/lib/sms/dispatch/explain-next';
import { lockNumber, takeSend } from '@/lib/sms/numbers/number';
import { logVerification } from '@/lib/sms/verification/verification-log';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, givePerson, newPhone, noon } from '@/tests/support/people';
import { withSettings } from '@/tests/support/settings';
import { askForUpdate, makePerson, nextPhone } from '@/tests/support/texts';

const database = useDatabase();
const read = async (phone: string, now = noon): Promise<PhonePage> =>
  (await readPhonePage(database.db, sealPhoneId(phone), { adminId: newId(), now }))!;

describe('what the page of a number goes by', () => {
  test('tells nothing of the number, is always the same, and opens after the secret was changed', async () => {
    const phone = '+15551234567';
    const id = sealPhoneId(phone);
    expect(id).toBe(sealPhoneId(phone));
    expect(id).not.toBe(sealPhoneId('+15551234568'));
    expect(Buffer.from(id, 'base64url').toString('latin1')).not.toMatch(/4567/);
    expect(openPhoneId(id)).toBe(phone);
    const [secret] = env().authSecrets;
    await withSettings({ authSecrets: ['another secret, of 32 bytes or more', secret] }, () =>
      expect(openPhoneId(id)).toBe(phone),
    );
    await withSettings({ authSecrets: ['another secret, of 32 bytes or more'] }, () =>
      expect(openPhoneId(id)).toBeNull(),
    );
  });

  test.each([
    '',
    'x',
    '+15551234567',
    '15551234567',
    sealSubject({ kind: 'number', filter: { phone: '+15551234567' } }).slice(2),
    'a'.repeat(60),
    newId(),
  ])('is nothing that was made up, or sealed for something else: %j', async (id) => {
    expect(openPhoneId(id)).toBeNull();
    expect(await readPhonePage(database.db, id, { adminId: newId(), now: noon })).toBeNull();
  });
});

test('a number is shown with whose it is, what came, what was said, and what is left of its limits', async () => {
  const { db } = database;
  const person = await makePerson(db);
  const { phone, userId } = person;
  const other = await givePerson(db, { active: true, phone });
  const messageId = await askForUpdate(db, person, { now: noon, sendAfter: noon });
  await db.transaction(async (tx) => {
    const number = await lockNumber(tx, phone);
    await takeSend(tx, number, 'prove_again', after(noon, -60));
    await withdrawConsent(tx, { userId, phone, scopes: ['updates'], medium: 'preferences' }, noon);
    await recordOptOut(tx, {
      ...{ phone, act: 'opted_out', covers: ['updates'], at: noon, userId },
      evidence: {
        recordedBy: 'staff',
        channel: 'phone',
        sender: null,
        providerSid: null,
        words: `No ${phone}`,
      },
    });
  });
  await logVerification(db, 'wrong_code', { userId, phone, challengeId: null }, contextAt(noon));
  const page = await read(phone);
  expect(page).toMatchObject({
    maskedPhone: `•••${phone.slice(-4)}`,
    holder: { id: userId, email: `${userId}@example.com` },
    others: [{ id: other.userId }],
    stopped: null,
    undeliverableUntil: null,
    doubt: null,
    texts: [{ id: messageId }],
    hasOlderTexts: false,
    attempts: [{ event: 'wrong_code' }],
    optOuts: [{ act: 'opted_out', covers: ['updates'], words: 'No [number]' }],
    next: { kind: 'code', person: { id: userId } },
  });
  expect(page.consents).toHaveLength(2);
  expect(page.consents).toContainEqual(
    expect.objectContaining({ userId, name: 'Person', scope: 'updates', action: 'withdrawn' }),
  );
  expect(page.limits.map(({ sendClass, sends }) => [sendClass, sends.remaining])).toEqual([
    ['prove', 3],
    ['prove_again', 2],
    ['sign_in', 3],
    ['recover', 3],
  ]);
  expect(page.limits.map(({ failures }) => failures.remaining)).toEqual([15, 15, 15, 15]);
  // Nothing of it tells the number.
  expect(JSON.stringify(page)).not.toContain(phone.slice(-7));
});

test('a number that a carrier listed as out of service says so, and that news of its holder waits, but no code', async () => {
  const { phone, userId } = await makePerson(database.db);
  const listed = { outOfServiceOn: '2026-11-19' };
  await database.db.update(phoneNumbers).set(listed).where(eq(phoneNumbers.number, phone));
  const page = await read(phone);
  expect(page).toMatchObject({
    doubt: { reason: 'out_of_service', on: '2026-11-19' },
    holder: { id: userId },
  });
  const gateOf = (gates: readonly { gate: string; answer: string }[]) =>
    gates.find(({ gate }) => gate === 'fresh_proof')?.answer;
  expect(gateOf(page.next!.gates)).toBe('not_asked');
  const [news] = await explainNext(database.db, { userId, phone }, ['news'], { env: env(), now: noon });
  expect(gateOf(news!.gates)).toBe('refuse');
});

test('the next code is explained for whoever names an unproven number, and for nobody where nobody does', async () => {
  const phone = nextPhone();
  const { userId } = await givePerson(database.db, { active: true, phone, agreed: true });
  const page = await read(phone);
  expect(page).toMatchObject({ holder: null, others: [{ id: userId }], next: { person: { id: userId } } });
  expect(page.next!.gates.find(({ gate }) => gate === 'consent')).toMatchObject({ answer: 'pass' });
  expect(await read(newPhone())).toMatchObject({
    ...{ holder: null, others: [], next: null, texts: [], consents: [], optOuts: [], attempts: [] },
  });
});

test('an account that is gone still has its last word, without a name, and twenty accounts are listed at most', async () => {
  const { db } = database;
  const phone = nextPhone();
  const ids: string[] = [];
  for (let n = 0; n < 22; n += 1) {
    ids.push((await givePerson(db, { active: true, phone, agreed: true })).userId);
  }
  // Accounts are listed in the order of their ids, so the page has the first.
  const userId = ids.sort()[0]!;
  await database.pool.query('update users set phone = null where id = $1', [userId]);
  await database.pool.query('delete from sms_preferences where user_id = $1', [userId]);
  await database.pool.query('delete from users where id = $1', [userId]);
  const page = await read(phone);
  expect(page.others).toHaveLength(20);
  expect(page.hasMoreOthers).toBe(true);
  expect(page.consents).toHaveLength(20);
  expect(page.consents.filter(({ name }) => name === null).map((consent) => consent.userId)).toEqual([
    userId,
  ]);
});
