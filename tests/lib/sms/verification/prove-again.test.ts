import { beforeEach, describe, expect, test } from 'vitest';
import { eq } from 'drizzle-orm';
import { phoneNumbers } from '@/db/schema/sms';
import { readCodePage } from '@/lib/auth/registration/code-page';
import { withdrawConsent } from '@/lib/consent/ledger';
import { readDoubt } from '@/lib/sms/numbers/doubt';
import { readNumber } from '@/lib/sms/numbers/number';
import { readPreferencesPage } from '@/lib/sms/preferences/preferences-page';
import { saveTexts } from '@/lib/sms/preferences/text-switches';
import { replacePendingPhone, sendCode } from '@/lib/sms/verification/send-code';
import { checkCode } from '@/lib/sms/verification/check-code';
import { useDatabase } from '../../../support/database';
import { after, contextAt, givePending, newPhone, noon, wrongCodes } from '../../../support/people';
import { enterCode, giveSettledPerson, openSession, readTexts } from '../../../support/settled-person';

const database = useDatabase();
const network = '203.0.113.9';
const at = (seconds: number) => contextAt(after(noon, seconds));

let person: Awaited<ReturnType<typeof giveSettledPerson>> & { phone: string };

/** Someone whose verified number a carrier listed as out of service. */
beforeEach(async () => {
  const phone = newPhone();
  person = { ...(await giveSettledPerson(database.db, { phone })), phone };
  await database.db
    .update(phoneNumbers)
    .set({ outOfServiceOn: '2026-11-20', deadTexts: [noon] })
    .where(eq(phoneNumbers.number, phone));
});

const prover = () => ({
  ...{ userId: person.userId, role: person.role, phone: person.phone, purpose: 'prove' as const },
  readFrom: { sessionId: person.sessionId },
});
const readPage = (seconds: number) => readCodePage(database.db, prover(), network, after(noon, seconds));
const number = async () => (await readNumber(database.db, person.phone))!;
const owner = () => ({ ...person, phoneMovedAt: null });

describe('a verified number in doubt', () => {
  test('is verified again by a new code, and by no wrong one; consent, wishes and holder stay as they are', async () => {
    const before = await readPreferencesPage(database.db, owner(), noon);
    expect(before.phone).toEqual({
      ...{ state: 'verified', stopped: null },
      doubt: { reason: 'out_of_service', on: '2026-11-20' },
    });
    expect(await sendCode(database.db, prover(), at(1))).toEqual({ ok: true });
    const page = await readPage(2);
    expect(page).toMatchObject({ shows: 'code', isHeld: true, phone: person.phone });
    const [text] = (await readPreferencesPage(database.db, owner(), after(noon, 2))).recent;
    expect(text).toMatchObject({ purpose: 'verification', phone: person.phone });
    const wrong = await checkCode(database.db, prover(), wrongCodes('000000', 1)[0]!, at(3));
    expect(wrong).toMatchObject({ reason: 'wrong_code' });
    expect(readDoubt(await number())).not.toBeNull();
    expect(await enterCode(database.db, person, after(noon, 4))).toMatchObject({ ok: true, proven: true });
    expect(await number()).toMatchObject({
      ...{ outOfServiceOn: null, deadTexts: [] },
      ...{ holderUserId: person.userId, heldSince: after(noon, 4) },
    });
    expect(await readPage(5)).toEqual({ shows: 'verified' });
    const { phone, texts } = await readPreferencesPage(database.db, owner(), after(noon, 5));
    expect({ phone, texts }).toEqual({ phone: { ...before.phone, doubt: null }, texts: before.texts });
  });

  test('gets the text that confirms updates once it is verified again, and not while it is in doubt', async () => {
    const switches = { enabled: false, applicationStatus: true, reminders: true, security: true };
    const save = async (enabled: boolean, seconds: number) => {
      const { texts } = await readPreferencesPage(database.db, owner(), after(noon, seconds));
      const wish = { switches: { ...switches, enabled }, version: texts.version, agreed: enabled };
      expect(await saveTexts(database.db, person, wish, at(seconds))).toMatchObject({ ok: true });
    };
    await save(false, 1);
    await save(true, 2);
    const confirmations = async () =>
      (await readTexts(database.db, person.phone)).filter(({ template }) => template === 'optInConfirmation');
    expect(await confirmations()).toEqual([]);
    expect(await sendCode(database.db, prover(), at(3))).toEqual({ ok: true });
    expect(await enterCode(database.db, person, after(noon, 4))).toMatchObject({ ok: true });
    expect(await confirmations()).toMatchObject([{ status: 'queued', userId: person.userId }]);
  });

  test('may be entered once more where consent to codes has ended, and no other in its place', async () => {
    const scopes = ['verification', 'updates'] as const;
    await database.db.transaction((tx) =>
      withdrawConsent(tx, { ...person, scopes, medium: 'number_removed' }, after(noon, 1)),
    );
    expect(await readPage(2)).toEqual({ shows: 'number' });
    const replace = (phone: string, seconds: number) =>
      replacePendingPhone(database.db, prover(), phone, at(seconds));
    expect(await replace(newPhone(), 3)).toEqual({ ok: false, reason: 'number_proven' });
    expect(await replace(person.phone, 4)).toEqual({ ok: true, refusal: null, changed: false });
    expect(await enterCode(database.db, person, after(noon, 5))).toMatchObject({ ok: true });
    expect(readDoubt(await number())).toBeNull();
    expect(await replace(person.phone, 6)).toEqual({ ok: false, reason: 'number_proven' });
  });

  test('is no longer in doubt once someone else proves that they have it', async () => {
    const other = await givePending(database.db, person.phone);
    expect(await checkCode(database.db, other, other.code, at(60))).toMatchObject({ ok: true, proven: true });
    expect(await number()).toMatchObject({ outOfServiceOn: null, holderUserId: other.userId });
    expect((await readPreferencesPage(database.db, owner(), after(noon, 61))).phone).toMatchObject({
      state: 'unverified',
      doubt: null,
    });
  });

  test('stays in doubt where a stranger proves it, but it stays with a holder whose second factor it is', async () => {
    const staff = await giveSettledPerson(database.db, { role: 'broker' });
    await openSession(database.db, staff.userId, noon);
    await database.db
      .update(phoneNumbers)
      .set({ outOfServiceOn: '2026-11-20' })
      .where(eq(phoneNumbers.number, staff.phone!));
    const other = await givePending(database.db, staff.phone!);
    const proven = await checkCode(database.db, other, other.code, at(60));
    expect(proven).toMatchObject({ ok: true, proven: false });
    expect(await readNumber(database.db, staff.phone!)).toMatchObject({
      ...{ outOfServiceOn: '2026-11-20', holderUserId: staff.userId },
    });
  });
});
