import { eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { auditLog } from '@/db/schema/accounts';
import { smsVerificationLog } from '@/db/schema/sms';
import { releaseNumberOf } from '@/lib/auth/settings/release-number';
import { readStandingConsent } from '@/lib/consent/ledger';
import { listProtectedProofs } from '@/lib/reporting/protected-numbers';
import { startPhoneChange, removePhone } from '@/lib/sms/verification/change-phone';
import { readNumber } from '@/lib/sms/numbers/number';
import { enqueueText } from '@/lib/sms/outbox/text-outbox';
import { readPhoneState } from '@/lib/sms/numbers/phone-state';
import { releaseProtectedNumber } from '@/lib/sms/verification/protected-number';
import { checkCode } from '@/lib/sms/verification/check-code';
import { endingSession, releaseTogether } from '../../../support/barrier';
import { useDatabase } from '../../../support/database';
import { after, contextAt, givePending, newPhone, noon, readUserRow } from '../../../support/people';
import {
  enterCode,
  giveSettledPerson,
  openSession,
  readTexts,
  type SettledPerson,
} from '../../../support/settled-person';

const database = useDatabase();

/** A broker's number, and someone who entered a code sent to it 60 seconds after noon. */
async function giveProof() {
  const phone = newPhone();
  const holder = await giveSettledPerson(database.db, { phone, role: 'broker' });
  const prover = await givePending(database.db, phone, after(noon, 30));
  const checked = await checkCode(database.db, prover, prover.code, contextAt(after(noon, 60)));
  expect(checked).toMatchObject({ ok: true, proven: false });
  const proof = (await listed(holder))[0]!;
  return { phone, holder, prover, proofId: proof.id };
}

async function listed(holder: SettledPerson, now = after(noon, 120)) {
  return listProtectedProofs(database.db, { holderUserId: holder.userId, now });
}

async function stateOf({ userId }: { userId: string }) {
  const { phone, phoneMovedAt } = (await readUserRow(database.db, userId))!;
  return (await readPhoneState(database.db, { userId, phone, phoneMovedAt })).state;
}

async function release(proofId: number, admin: { userId: string; sessionId: string }, at = 180) {
  return releaseProtectedNumber(database.db, { proofId, admin }, contextAt(after(noon, at)));
}

describe('a proof of a number that is a second factor', () => {
  test('is told to its holder and to admins, each number once, with both names and no whole number', async () => {
    const { phone, holder, prover } = await giveProof();
    const again = await givePending(database.db, phone, after(noon, 100));
    await checkCode(database.db, again, again.code, contextAt(after(noon, 110)));
    expect(await listed(holder)).toEqual([
      {
        id: expect.any(Number),
        at: after(noon, 110),
        maskedPhone: `•••${phone.slice(-4)}`,
        holder: { userId: holder.userId, name: holder.name, email: holder.email, role: 'broker' },
        prover: { name: 'Test Person', email: (await readUserRow(database.db, again.userId))!.email },
      },
    ]);
    const all = await listProtectedProofs(database.db, { holderUserId: null, now: after(noon, 120) });
    expect(all.filter((proof) => proof.holder.userId === holder.userId)).toHaveLength(1);
    const other = await giveSettledPerson(database.db, { role: 'staff' });
    expect(await listed(other)).toEqual([]);
    expect(prover.userId).not.toBe(again.userId);
  });

  test('is not told any more after 90 days, or once the holder has given the number up', async () => {
    const { holder } = await giveProof();
    expect(await listed(holder, after(noon, 60 + 89 * 24 * 3600))).toHaveLength(1);
    expect(await listed(holder, after(noon, 61 + 90 * 24 * 3600))).toHaveLength(0);
    await removePhone(database.db, holder, contextAt(after(noon, 150)));
    expect(await listed(holder)).toHaveLength(0);
  });
});

describe('releasing it', () => {
  test('is refused to someone who is no admin any more', async () => {
    const { phone, holder, proofId } = await giveProof();
    const admin = await giveSettledPerson(database.db, { role: 'admin' });
    await database.pool.query('update users set deactivated_at = $2 where id = $1', [admin.userId, noon]);
    expect(await release(proofId, admin)).toEqual({ ok: false, reason: 'not_admin' });
    expect((await readNumber(database.db, phone))?.holderUserId).toBe(holder.userId);
  });

  test('ends all that the holder had with it, tells them why, and lets the prover verify it', async () => {
    const { phone, holder, prover, proofId } = await giveProof();
    const admin = await giveSettledPerson(database.db, { role: 'admin' });
    const { userId } = holder;
    await enqueueText(database.db, {
      userId,
      phone,
      purpose: 'update',
      template: 'test',
      params: {},
      sendAfter: after(noon, 3600),
      now: noon,
    });
    expect(await release(proofId, admin)).toEqual({ ok: true });
    expect((await readNumber(database.db, phone))?.holderUserId).toBeNull();
    expect(await stateOf(holder)).toBe('moved');
    expect(await readStandingConsent(database.db, { userId, phone })).toEqual(new Set());
    expect((await readTexts(database.db, phone)).find((text) => text.userId === userId)).toMatchObject({
      status: 'canceled',
      reason: 'number_moved',
    });
    const told = await database.db.select().from(auditLog).where(eq(auditLog.userId, userId));
    expect(told.at(-1)).toMatchObject({ action: 'number_released', actorId: admin.userId });
    expect(await listed(holder)).toEqual([]);

    const session = await openSession(database.db, prover.userId, after(noon, 290));
    const owner = { userId: prover.userId, phone: null, ...session };
    expect(await startPhoneChange(database.db, owner, phone, contextAt(after(noon, 300)))).toEqual({
      ok: true,
    });
    const proven = await enterCode(
      database.db,
      { ...owner, role: 'applicant', email: '', name: '' },
      after(noon, 310),
    );
    expect(proven).toMatchObject({ ok: true, proven: true });
    expect((await readNumber(database.db, phone))?.holderUserId).toBe(prover.userId);
  });

  test('takes a fresh second factor of the admin', async () => {
    const { phone, holder, proofId } = await giveProof();
    const admin = await giveSettledPerson(database.db, { role: 'admin' });
    const release = (seconds: number) =>
      releaseNumberOf(database.db, admin, { proofId }, contextAt(after(noon, seconds)));
    expect(await release(601)).toEqual({ ok: false, reason: 'confirm_first' });
    expect((await readNumber(database.db, phone))?.holderUserId).toBe(holder.userId);
    expect(await release(180)).toEqual({ ok: true });
    expect((await readNumber(database.db, phone))?.holderUserId).toBeNull();
  });

  test('is refused to an admin whose session ended while they waited', async () => {
    const { phone, holder, proofId } = await giveProof();
    const admin = await giveSettledPerson(database.db, { role: 'admin' });
    const [answer] = await releaseTogether(database.pool, endingSession(admin), 1, [
      () => releaseNumberOf(database.db, admin, { proofId }, contextAt(after(noon, 180))),
    ]);
    expect(answer).toMatchObject({ value: { ok: false, reason: 'not_open' } });
    expect((await readNumber(database.db, phone))?.holderUserId).toBe(holder.userId);
  });

  test('changes nothing once the number has left its holder, or they proved it again, or it protects nobody', async () => {
    const { phone, holder, proofId } = await giveProof();
    const refused = { ok: false, reason: 'settled' };
    await removePhone(database.db, holder, contextAt(after(noon, 90)));
    expect(await release(proofId, holder)).toEqual(refused);
    expect(await release(proofId, holder)).toEqual(refused);

    const owner = { ...holder, phone: null };
    await startPhoneChange(database.db, owner, phone, contextAt(after(noon, 400)));
    expect(await enterCode(database.db, owner, after(noon, 410))).toMatchObject({ proven: true });
    expect(await release(proofId, holder, 420)).toEqual(refused);
    expect((await readNumber(database.db, phone))?.holderUserId).toBe(holder.userId);
    expect(await stateOf(holder)).toBe('verified');

    expect(await release(0, holder)).toEqual(refused);
    const applicant = await givePending(database.db, newPhone());
    await checkCode(database.db, applicant, applicant.code, contextAt(after(noon, 5)));
    const [line] = await database.db
      .select()
      .from(smsVerificationLog)
      .where(eq(smsVerificationLog.userId, applicant.userId));
    expect(await release(line!.id, holder)).toEqual(refused);
  });

  test('of two admins at the same instant happens once', async () => {
    const { phone, holder, proofId } = await giveProof();
    const admin = await giveSettledPerson(database.db, { role: 'admin' });
    const outcomes = await releaseTogether(
      database.pool,
      `select 1 from phone_numbers where number = '${phone}' for update`,
      2,
      [1, 2].map(() => () => release(proofId, admin)),
    );
    const answers = outcomes.map((outcome) =>
      outcome.status === 'fulfilled' ? outcome.value.ok : outcome.reason,
    );
    expect(answers.sort()).toEqual([false, true]);
    const told = await database.db.select().from(auditLog).where(eq(auditLog.userId, holder.userId));
    expect(told.filter(({ action }) => action === 'number_released')).toHaveLength(1);
  });
});
