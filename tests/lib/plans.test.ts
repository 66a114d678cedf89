import { randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { recoveries, smsDeactivationReads, smsEnteredCodes, smsMessages } from '@/db/schema/sms';
import { endPendingToken, issuePendingToken, readPending } from '@/lib/accounts/pending';
import { endSession, listSessions, readSession, redeemLoginGrant } from '@/lib/accounts/sessions';
import { acknowledgeAlarm } from '@/lib/alarms/acknowledge-alarm';
import { checkAlarms } from '@/lib/alarms/check-alarms';
import { countOpenAlarms } from '@/lib/alarms/count-open-alarms';
import { deliverAlerts } from '@/lib/alarms/deliver-alerts';
import { pruneAlarms } from '@/lib/alarms/prune-alarms';
import { listTrustedDevices } from '@/lib/accounts/trusted-devices';
import { deleteUser, markPasskeyOffered } from '@/lib/accounts/users';
import { decideNotices } from '@/lib/applications/decide-notices';
import { eraseOldOrigins } from '@/lib/audit';
import { listBulkMoves, readBulkPage } from '@/lib/bulk/bulk-page';
import { countNextForecast } from '@/lib/bulk/keep-forecast';
import { openMissingList } from '@/lib/bulk/missing-list';
import { moveNextItems } from '@/lib/bulk/move-items';
import { aimBulkMove, draftBulkMove } from '@/lib/bulk/select-bulk';
import { pauseBulkMove, startBulkMove, stopBulkMove } from '@/lib/bulk/steer-bulk';
import { readActivity } from '@/lib/auth/settings/activity';
import { changePassword } from '@/lib/auth/settings/change-password';
import { changePhoneByPassword, removePhoneByPassword } from '@/lib/auth/settings/change-phone-by-password';
import { readCodePage } from '@/lib/auth/registration/code-page';
import { deleteAccount } from '@/lib/auth/ending/delete-account';
import { endOne, endOthers } from '@/lib/auth/sign-in/end-sessions';
import { disownAccount, proveEmail, sendProofAgain } from '@/lib/auth/registration/prove-email';
import { acceptInvitation } from '@/lib/auth/admin/accept-invitation';
import { invitePerson, withdrawInvitation } from '@/lib/auth/admin/invite';
import { manageAccount, type AccountChange } from '@/lib/auth/admin/manage-account';
import { endPumpingOrder, orderPumping } from '@/lib/auth/admin/order-pumping';
import { replaceFactors } from '@/lib/auth/admin/replace-factors';
import { setGrace } from '@/lib/auth/admin/second-factor-grace';
import { requestRecoveryCode, resetByText } from '@/lib/auth/recovery/reset-by-text';
import { register } from '@/lib/auth/registration/register';
import { enrollByLink, readEnrollLink } from '@/lib/auth/two-factor/enroll-by-link';
import { readWithoutFactor } from '@/lib/reporting/without-factor';
import { releaseNumberOf } from '@/lib/auth/settings/release-number';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { endTrust } from '@/lib/auth/two-factor/end-trust';
import { dropPasskey, dropTotp, enrollPasskey } from '@/lib/auth/two-factor/enrollment';
import { readFactorsPage } from '@/lib/auth/two-factor/factors-page';
import { readPasskeyOffer } from '@/lib/auth/two-factor/passkey-offer';
import { listPasskeys, passkeyCreationOptions, passkeyRequestOptions } from '@/lib/auth/two-factor/passkeys';
import { type GivenFactor } from '@/lib/auth/two-factor/prove-factor';
import { giveSecondFactor, signInByPasskey } from '@/lib/auth/two-factor/second-factor';
import { readConfirmPage, readSecondFactorPage } from '@/lib/auth/two-factor/second-factor-page';
import { stepUpByFactor } from '@/lib/auth/two-factor/step-up';
import { listReceipts } from '@/lib/consent/receipts';
import { listProtectedProofs } from '@/lib/reporting/protected-numbers';
import { batchRows, keepHouse } from '@/lib/housekeeping';
import { readInvitationsPage } from '@/lib/reporting/invitations';
import { personStates, readPeoplePage } from '@/lib/reporting/people';
import { readPerson } from '@/lib/reporting/person';
import { readPersonSms } from '@/lib/reporting/person-sms';
import { readPersonTexts } from '@/lib/reporting/person-texts';
import { readPhonePage } from '@/lib/reporting/phone-page';
import { sealPhoneId } from '@/lib/reporting/phone-id';
import { revealNumber, revealPerson } from '@/lib/auth/admin/reveal-contact';
import { readKeyset } from '@/lib/reporting/keyset';
import { listExports, removeExport, requestExport } from '@/lib/exports/export-jobs';
import { openPack, readPacksPage, requestPack } from '@/lib/exports/packs';
import { writeNextPart } from '@/lib/exports/write-exports';
import { readAlarmsPage, readOpenAlarms } from '@/lib/reporting/alarms-page';
import { readPumpingPage } from '@/lib/reporting/pumping-page';
import { readRefusalCounts } from '@/lib/reporting/refusal-counts';
import { readSenderHealth } from '@/lib/reporting/sender-health';
import { checkLedgers } from '@/lib/reporting/ledgers/check-ledgers';
import { readAdminOverview } from '@/lib/reporting/admin-overview';
import { printMetrics } from '@/lib/reporting/print-metrics';
import { addDays, dayOf } from '@/lib/reporting/rollups/report-days';
import { rollUpMonths } from '@/lib/reporting/rollups/months';
import { rollUpDays } from '@/lib/reporting/rollups/roll-up';
import { env } from '@/lib/env';
import { readMessagePage } from '@/lib/reporting/message-page';
import { findSubject, type MessageSubject } from '@/lib/reporting/message-subject';
import { readMessagesPage } from '@/lib/reporting/messages-page';
import { readVerificationsPage } from '@/lib/reporting/verifications-page';
import { plannedAnewMark } from '@/db/prepared-statements';
import { openLog } from '@/lib/log';
import { sendDueMails } from '@/lib/mail/deliver';
import { listDevMails } from '@/lib/mail/dev-mails';
import { pruneLinks } from '@/lib/mail/links';
import { enqueueLinkMail, forgetNetworks, listMails, pruneMails } from '@/lib/mail/outbox';
import { sumSpend } from '@/lib/sms/capacity/budget';
import { countCodes } from '@/lib/sms/pumping/count-codes';
import { pruneOrders } from '@/lib/sms/pumping/orders';
import { codesOf, ofRecovery } from '@/lib/sms/verification/challenge';
import { cancelPhoneChange } from '@/lib/sms/verification/change-phone';
import { requestCode } from '@/lib/sms/verification/request';
import { applyStatus } from '@/lib/sms/delivery/status-report';
import { sendRecoveryCodes } from '@/lib/sms/verification/send-recovery-codes';
import { isSmsDelayed } from '@/lib/sms/delivery/outage';
import { readMissedTexts } from '@/lib/sms/inbound/missed-inbound';
import { readDeactivations } from '@/lib/sms/delivery/read-deactivations';
import { reconcileTexts } from '@/lib/sms/delivery/reconcile';
import { reportEnteredCodes } from '@/lib/sms/delivery/report-entered-codes';
import { readHandsets, readThread } from '@/lib/sms/inbound/dev-phone';
import { forgetNumbers } from '@/lib/sms/numbers/forget-numbers';
import { pruneAttempts, pruneChallenges } from '@/lib/sms/verification/erase-attempts';
import { runDispatcher } from '@/lib/sms/dispatch/dispatch';
import { listTexts } from '@/lib/sms/outbox/history';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { lockNumber } from '@/lib/sms/numbers/number';
import { eraseOldTexts, eraseNumbersOfSent } from '@/lib/sms/outbox/erase-texts';
import { openProvider } from '@/lib/sms/provider/open-provider';
import { readPhoneAndTexts } from '@/lib/sms/preferences/phone-and-texts';
import { readPreferencesPage } from '@/lib/sms/preferences/preferences-page';
import { requirePreferences } from '@/lib/sms/preferences/preferences';
import { turnTextsOff, saveTexts } from '@/lib/sms/preferences/text-switches';
import { saveQuietHours } from '@/lib/sms/preferences/save-quiet-hours';
import { developmentSender } from '@/lib/sms/senders/sender';
import { sendTestText } from '@/lib/sms/preferences/test-text';
import { replacePendingPhone, sendCode } from '@/lib/sms/verification/send-code';
import { skipVerification } from '@/lib/sms/verification/skip-verification';
import { checkCode } from '@/lib/sms/verification/check-code';
import { type ProverHere } from '@/lib/sms/verification/prover';
import { readVerificationState } from '@/lib/sms/verification/state';
import { giveAskedCodes } from '../support/codes-asked';
import { giveManySubmitted } from '../support/bulk';
import { bigPerson, bigTables, fillBigDatabase } from '../support/big-database';
import { useDatabase } from '../support/database';
import { readToken } from '../support/mails';
import { startFakeTwilio, type FakeTwilio } from '../support/fake-twilio';
import {
  after,
  contextAt,
  givePending,
  givePerson,
  newEmail,
  newPhone,
  readCode,
  readUserRow,
  wrongCodes,
} from '../support/people';
import {
  findBigReads,
  listIndexesOf,
  openPlanRecorder,
  readIndexes,
  type PlanCacheMode,
  type PlanRecorder,
} from '../support/plans';
import {
  enterCode,
  giveSettledPerson,
  openSession,
  password,
  readSessionOf,
} from '../support/settled-person';
import { makePasskey, usePasskey } from '../support/authenticator';
import { giveRecoveryCodes, giveTotp, totpAt } from '../support/factors';
import { readExport } from '../support/read-export';
import {
  accountSid,
  askForCode,
  askForUpdate,
  authToken,
  fromPhone,
  makeEnv,
  makePerson,
  nextPhone,
  readText,
  twilioVariables,
  whenText,
} from '../support/texts';

// So that whoever asks for a code is told when too many wait.
process.env.SMS_MESSAGES_PER_SECOND = '3';

/** Every table that grows gets so many rows: enough for PostgreSQL to choose as it would for millions. */
const rows = 200_000;

/** One step of a plan may read so many of them: more than any journey needs, far fewer than wait or happened in a day. */
const mostRows = 2_000;

/** A minute of a day, the one under way besides: a scope has so many sums that count. */
const minutesOfADay = 1_441;

/** What may read more in one step, how much more, and why; by the beginning of the statement. */
const allowed: readonly { begins: string; mostRows: number; because: string }[] = [
  {
    begins: 'select scope, ceil(extract(epoch from',
    mostRows: 2 * minutesOfADay + mostRows,
    because:
      'spending is summed by the minute: a day of them for everyone, a day for strangers, and a few for each other scope',
  },
  {
    begins: `${plannedAnewMark} select users.id, to_char(users.created_at`,
    mostRows: rows / 20 + mostRows,
    because:
      'a name is looked for among all who are pending; here that is one in twenty, and elsewhere those of a week',
  },
  {
    begins: 'with page as materialized ( select phone from sms_opt_outs',
    mostRows: rows / 5,
    because: 'once a night all acts of each number are looked at, and here one number has thousands of them',
  },
  {
    begins:
      'select kind, count(*)::int as count, (array_agg(example order by example))[1:$1::int] as examples from ( with acts',
    mostRows: rows / 20,
    because: 'once a night all acts of each number are looked at, and those of a number together',
  },
  {
    begins: 'delete from pumping_pairs where hour >=',
    mostRows: rows / 20,
    because: 'hours that a clock ahead had counted are counted again, which happens once',
  },
];

/** Of the mode under way. */
let database: ReturnType<typeof useDatabase>;
const now = new Date();
const later = (seconds: number) => contextAt(after(now, seconds));
const input = {
  name: 'Test Person',
  password: 'violet otter cactus',
  phone: null,
  smsOptIn: false,
  verifyPhone: false,
  tcpaConsent: false,
  timeZone: null,
};

let recorder: PlanRecorder;
let fake: FakeTwilio;

const modes: [string, PlanCacheMode][] = [
  ['no statement that may be prepared, by one plan for all values,', 'force_generic_plan'],
  ['no statement', 'auto'],
];

/** Of which PostgreSQL may choose another as well: so few mails are marked here that the statistics may know of none. */
const interchangeable: ReadonlySet<string> = new Set(['mails_network_index']);

// Filled once for both modes, each of which then changes its own.
const filled = useDatabase();
beforeAll(() => fillBigDatabase(filled.pool, { rows, now }), 400_000);

describe.each(modes)('%s', (_name, mode) => {
  const own = useDatabase(filled);

  beforeAll(async () => {
    database = own;
    fake = await startFakeTwilio({ accountSid, authToken });
  }, 400_000);

  afterAll(async () => {
    await fake?.stop();
  });

  test('of any journey takes longer the more rows there are', async () => {
    recorder = openPlanRecorder(database.url, mode);
    onTestFinished(() => recorder.end());
    await registering();
    await mailing();
    await recovering();
    await provingANumber();
    await signedIn();
    await twoSteps();
    await changingANumber();
    await deciding();
    await textsThatComeIn();
    await reports();
    await lookingOn();
    await alarming();
    await pumping();
    await crowding();
    await dispatching();
    await movingInBulk();
    await keepingHouse();

    const indexes = await readIndexes(database.pool);
    const faults = new Map<string, Set<string>>();
    for (const { journey, statement, plan } of recorder.ran) {
      if (journey === null || (mode !== 'auto' && statement.includes(plannedAnewMark))) continue;
      const most = allowed.find(({ begins }) => statement.startsWith(begins))?.mostRows ?? mostRows;
      for (const { table, fault } of findBigReads(plan, {
        big: new Set(bigTables),
        indexes,
        mostRows: most,
      })) {
        const line = `${table}: ${fault}, by: ${statement}`;
        faults.set(line, (faults.get(line) ?? new Set()).add(journey));
      }
    }
    const lines = [...faults].map(([line, journeys]) => `${line}\n    (${[...journeys].join('; ')})`);
    expect(lines.join('\n'), `${lines.length} statements read too much`).toBe('');
  }, 900_000);

  if (mode !== 'auto') return;

  test('every allowance is needed still', async () => {
    const indexes = await readIndexes(database.pool);
    for (const { begins } of allowed) {
      const isNeeded = recorder.ran.some(
        ({ statement, plan }) =>
          statement.startsWith(begins) &&
          findBigReads(plan, { big: new Set(bigTables), indexes, mostRows }).length > 0,
      );
      expect(isNeeded, begins).toBe(true);
    }
  });

  // Those of applications are asked about in tests/lib/reporting/applications-plans.test.ts.
  test('every index but those of keys is read by some statement of the journeys', async () => {
    const read = new Set(
      recorder.ran.flatMap(({ journey, plan }) => (journey === null ? [] : listIndexesOf(plan))),
    );
    const idle = [...(await readIndexes(database.pool))].filter(
      ([name, { isUnique, table }]) =>
        !isUnique &&
        table !== '__drizzle_migrations' &&
        !table.startsWith('application') &&
        !interchangeable.has(name) &&
        !read.has(name),
    );
    expect(idle.map(([name]) => name)).toEqual([]);
  });

  test('every column that refers to another table has an index that begins with it', async () => {
    const { rows: bare } = await database.pool.query<{ reference: string }>(`
    select conrelid::regclass || '(' || attname || ')' as reference
    from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
    where contype = 'f' and connamespace = 'public'::regnamespace and not exists (
      select from pg_index where indrelid = conrelid and indkey[0] = conkey[1] and (
        indpred is null or pg_get_expr(indpred, indrelid) = format('(%I IS NOT NULL)', attname)))`);
    expect(bare).toEqual([]);
  });
});

async function registering(): Promise<void> {
  const { db, during } = recorder;
  const email = newEmail();
  const wanted = { ...input, smsOptIn: true, verifyPhone: true, tcpaConsent: true };
  await during('register, straight in', () => register(db, { ...input, email: newEmail() }, later(0)));
  await during('register, to the code page', () =>
    register(db, { ...wanted, email, phone: newPhone() }, later(0)),
  );
  await during('register again', () => register(db, { ...wanted, email, phone: newPhone() }, later(1)));
  await during('register what is taken', () =>
    register(db, { ...input, email: bigPerson(19).email }, later(1)),
  );
}

async function mailing(): Promise<void> {
  const { db, during } = recorder;
  const { email } = bigPerson(21);
  const [owner, squatted] = [await giveSettledPerson(db, { now }), await giveSettledPerson(db, { now })];
  await during('confirm an email', async () => {
    for (const { userId } of [owner, squatted]) {
      expect(await sendProofAgain(db, userId, later(1))).toEqual({ ok: true });
    }
    const browser = { signedIn: owner.userId, knownBrowser: null };
    const token = await readToken(database.db, owner.email);
    expect(await proveEmail(db, { token, password: null }, browser, later(2))).toEqual({ ok: true });
  });
  await during('an account that its owner did not make', async () =>
    expect(await disownAccount(db, await readToken(database.db, squatted.email), later(2))).toEqual({
      ok: true,
    }),
  );
  await during('register what nobody proved', async () => {
    expect(await register(db, { ...input, email }, later(1))).toMatchObject({ reason: 'email_unproven' });
    expect(
      await register(db, { ...input, email }, later(2), { claim: await readToken(database.db, email) }),
    ).toMatchObject({
      ok: true,
    });
  });
  await during('development mail', () => listDevMails(db));
  await during('mails of a person', () => listMails(db, bigPerson(1).userId, { limit: 500, before: null }));
  const sent: string[] = [];
  const transport = {
    send: async ({ to }: { to: string }) => ({ ok: sent.push(to) > 0 }) as { ok: true },
    close: () => undefined,
  };
  const log = openLog({ level: 'error', write: () => undefined });
  await during('sending mail', async () => {
    while ((await sendDueMails(db, transport, log)) > 0);
  });
  expect(sent.length).toBeGreaterThan(0);
}

async function recovering(): Promise<void> {
  const { db, during } = recorder;
  const log = openLog({ level: 'error', write: () => undefined });
  const owner = await giveSettledPerson(db, { now });
  const asked = await during('a code for a new password', async () => {
    const first = await requestRecoveryCode(db, { email: owner.email, token: null }, later(1));
    if (!first.ok) throw new Error('Refused');
    while ((await sendRecoveryCodes(db, after(now, 1), log)) > 0);
    return requestRecoveryCode(db, { email: owner.email, token: first.token }, later(2));
  });
  if (!asked.ok) throw new Error('Refused');
  const [recovery] = await db.select().from(recoveries).where(eq(recoveries.userId, owner.userId));
  const code = codesOf(ofRecovery(recovery!)!)[0]!;
  const reset = (given: string, seconds: number) =>
    resetByText(db, { token: asked.token, code: given, newPassword: 'purple walrus engine' }, later(seconds));
  await during('wrong code for a new password', async () =>
    expect(await reset(wrongCodes(code, 1)[0]!, 3)).toMatchObject({ reason: 'wrong_code' }),
  );
  await during('right code for a new password', async () =>
    expect(await reset(code, 4)).toEqual({ ok: true }),
  );
}

async function provingANumber(): Promise<void> {
  const { db, during } = recorder;
  const { email, userId } = await givePerson(db, { active: false, now });
  await during('a pending browser', async () => {
    const signedIn = await signIn(db, { email, password: 'wrong' }, later(0));
    expect(signedIn.ok).toBe(false);
    const registered = await register(
      db,
      { ...input, email, phone: newPhone(), verifyPhone: true, tcpaConsent: true },
      later(0),
      { pendingToken: await issuePendingToken(db, userId, now) },
    );
    if (!registered.ok || registered.next !== 'verify') throw new Error('Nothing is pending');
    await readPending(db, registered.pendingToken, after(now, 5));
    await readPending(db, registered.pendingToken, after(now, 90));
    await endPendingToken(db, registered.pendingToken);
  });
  const person = await givePending(db, newPhone(), now);
  await during('code page', () => readCodePage(db, person, '203.0.113.9', after(now, 5)));
  await during('poll of the code page', () => readVerificationState(db, person, after(now, 10)));
  await during('wrong code', () => checkCode(db, person, wrongCodes(person.code, 1)[0]!, later(12)));
  await during('send again', () => sendCode(db, person, later(40)));
  await during('send again, too soon', () => sendCode(db, person, later(41)));
  await during('send a new code', () => sendCode(db, person, later(590)));
  const next: ProverHere = { ...person, phone: newPhone() };
  await during('another number', () => replacePendingPhone(db, person, next.phone!, later(640)));
  const code = await readCode(db, person.userId);
  await during('right code', async () =>
    expect(await checkCode(db, next, code, later(650))).toMatchObject({ ok: true }),
  );
  await during('code that is over', () => checkCode(db, next, code, later(660)));
  const other = await givePending(db, newPhone(), now);
  await during('continue without verifying', async () =>
    expect(await skipVerification(db, other, later(120))).toMatchObject({ ok: true }),
  );
  const mover = await givePending(db, next.phone!, after(now, 700));
  await during('right code for the number of someone else', () =>
    checkCode(db, mover, mover.code, later(710)),
  );
}

async function signedIn(): Promise<void> {
  const { db, during } = recorder;
  const person = await giveSettledPerson(db, { now });
  const { email, userId } = person;
  await during('wrong password', () => signIn(db, { email, password: 'wrong' }, later(1)));
  await during('unknown email', () => signIn(db, { email: newEmail(), password: 'wrong' }, later(1)));
  const session = await during('sign in', async () => {
    const answer = await signIn(db, { email, password }, later(2));
    if (!answer.ok || answer.next !== 'dashboard') throw new Error('Not signed in');
    return (await redeemLoginGrant(db, answer.grant, later(2)))!;
  });
  await during('every request', () => readSession(db, session.sessionId, after(now, 10)));
  await during('a request after a while', () => readSession(db, session.sessionId, after(now, 900)));
  const others = [await openSession(db, userId, now), await openSession(db, userId, now)];
  await during('security page', async () => {
    await listSessions(db, userId, now);
    await readActivity(db, userId, 10);
  });
  await during('end one session', () => endOne(db, person, others[0]!.sessionId, later(20)));
  await during('end other sessions', () => endOthers(db, person, later(21)));
  await during('change password', async () =>
    expect(
      await changePassword(
        db,
        person,
        { currentPassword: password, newPassword: 'walnut harbor lamp' },
        later(30),
      ),
    ).toMatchObject({ ok: true }),
  );
  await during('sign out', () => endSession(db, person.sessionId));
  await during('export', () => readExport(db, userId, later(40)));
  await during('export of someone with a past', () => readExport(db, bigPerson(50).userId, later(40)));
  await during('dashboard and settings', async () => {
    for (const user of [person, { ...bigPerson(60), phoneMovedAt: null }]) {
      const owner = { ...user, phoneMovedAt: null };
      await readPhoneAndTexts(db, owner);
      await readPreferencesPage(db, owner, now);
      const texts = await listTexts(db, user, { limit: 4 });
      await listTexts(db, user, { limit: 26, before: texts.at(-1) ?? { createdAt: now, id: randomUUID() } });
      await listTexts(db, user, { limit: 1_000 });
      await listReceipts(db, user.userId);
    }
  });
}

async function twoSteps(): Promise<void> {
  const { db, during } = recorder;
  const person = await giveSettledPerson(db, { role: 'broker', now });
  const { email, userId } = person;
  const read = (seconds: number) => readSessionOf(db, person, after(now, seconds));
  await during('page of second factors', async () => readFactorsPage(db, await read(1), after(now, 1)));
  const key = await during('an authenticator app', () => giveTotp(db, person, after(now, 60)));
  const codes = await during('recovery codes', async () =>
    giveRecoveryCodes(db, await read(60), after(now, 60)),
  );
  const passkey = await during('a passkey', async () => {
    const made = makePasskey(await passkeyCreationOptions(db, await read(60), after(now, 60)));
    const added = await enrollPasskey(db, await read(60), { answer: made.answer, name: 'Phone' }, later(60));
    expect(added).toEqual({ ok: true });
    return made.passkey;
  });
  const takeFirstStep = async (seconds: number, trustedDevice: string | null = null) => {
    const answer = await signIn(db, { email, password, trustedDevice }, later(seconds));
    if (!answer.ok || answer.next === 'verify') throw new Error('Not signed in');
    return answer.next === 'second_factor'
      ? { token: answer.pendingToken, cookie: null }
      : { token: null, cookie: answer.trustedDevice };
  };
  const give = (token: string | null, given: GivenFactor, seconds: number) =>
    giveSecondFactor(db, { token, given, trust: true, knownBrowser: null }, later(seconds));
  await during('second step', async () => {
    const { token } = await takeFirstStep(120);
    await readSecondFactorPage(db, token, after(now, 120));
    expect(await give(token, { kind: 'code', code: '000000' }, 120)).toMatchObject({ reason: 'wrong_code' });
    const trusted = await give(token, { kind: 'code', code: totpAt(key, after(now, 120)) }, 120);
    if (!trusted.ok) throw new Error(trusted.reason);
    const { cookie } = await takeFirstStep(130, trusted.trustedDevice);
    expect(cookie).not.toBeNull();
    // The cookie of before is a copy.
    expect(await takeFirstStep(131, trusted.trustedDevice)).toMatchObject({ cookie: null });
  });
  await during('second step by a recovery code', async () => {
    const { token } = await takeFirstStep(140);
    expect(await give(token, { kind: 'recovery_code', code: codes[0]! }, 140)).toMatchObject({ ok: true });
  });
  await during('second step by a passkey', async () => {
    const { token } = await takeFirstStep(150);
    const answer = usePasskey(passkey, await passkeyRequestOptions(userId, after(now, 150)));
    expect(await give(token, { kind: 'passkey', answer }, 150)).toMatchObject({ ok: true });
  });
  await during('a passkey alone', async () => {
    const answer = usePasskey(passkey, await passkeyRequestOptions(null, after(now, 160)));
    expect(await signInByPasskey(db, { answer, knownBrowser: null }, later(160))).toMatchObject({ ok: true });
  });
  await during('confirming', async () => {
    await readConfirmPage(db, await read(170), after(now, 170));
    const given = { kind: 'code', code: totpAt(key, after(now, 180)) } as const;
    expect(await stepUpByFactor(db, await read(180), given, later(180))).toEqual({ ok: true });
  });
  await during('no trust any more', async () => {
    const [device] = await listTrustedDevices(db, userId, after(now, 190));
    await endTrust(db, person, device!.id, later(190));
  });
  await during('without the app and the passkey', async () => {
    expect(await dropTotp(db, await read(190), later(190))).toEqual({ ok: true });
    const [{ id } = { id: '' }] = await listPasskeys(db, userId);
    expect(await dropPasskey(db, await read(190), id, later(190))).toMatchObject({ reason: 'last_factor' });
  });
  const { userId: adminId } = await giveSettledPerson(db, { role: 'admin', phone: null, now });
  await during('a link that takes all factors off', async () => {
    const details = { reset: 'yes', adminId };
    await enqueueLinkMail(db, { purpose: 'enroll', template: 'enrollFactor', userId, email, details, now });
    const token = await readToken(database.db, email);
    expect(await readEnrollLink(db, token, after(now, 200))).toMatchObject({ ok: true });
    expect(await enrollByLink(db, { token, password, knownBrowser: null }, later(200))).toMatchObject({
      ok: true,
    });
  });
  await during('offering a passkey', async () => {
    const applicant = await giveSettledPerson(db, { now });
    expect(await readPasskeyOffer(db, await readSessionOf(db, applicant, now), now)).not.toBeNull();
    await markPasskeyOffered(db, applicant.userId, now);
  });
}

async function changingANumber(): Promise<void> {
  const { db, during } = recorder;
  const person = await giveSettledPerson(db, { now });
  await askForUpdate(
    db,
    { userId: person.userId, phone: person.phone! },
    { sendAfter: after(now, 7200), now },
  );
  const change = (phone: string, seconds: number) =>
    changePhoneByPassword(db, person, { phone, currentPassword: password }, later(seconds));
  await during('change number', async () => expect(await change(newPhone(), 0)).toEqual({ ok: true }));
  await during('change to yet another number', async () =>
    expect(await change(newPhone(), 10)).toEqual({ ok: true }),
  );
  await during('keep the number', () => cancelPhoneChange(db, person, later(20)));
  await change(newPhone(), 60);
  await during('right code for another number', async () =>
    expect(await enterCode(db, person, after(now, 70))).toMatchObject({ ok: true }),
  );
  const leaver = await giveSettledPerson(db, { now });
  await during('remove number', async () =>
    expect(await removePhoneByPassword(db, leaver, { currentPassword: password }, later(0))).toEqual({
      ok: true,
    }),
  );
  const gone = await giveSettledPerson(db, { now });
  await changePhoneByPassword(db, gone, { phone: newPhone(), currentPassword: password }, later(0));
  const leaving = { currentPassword: password, confirmed: true };
  await during('delete account', async () =>
    expect(await deleteAccount(db, gone, leaving, later(9))).toEqual({ ok: true }),
  );
  const admin = await giveSettledPerson(db, { now, role: 'admin' });
  await during('delete the account of an admin', async () =>
    expect(await deleteAccount(db, admin, leaving, later(9))).toEqual({ ok: true }),
  );
}

async function deciding(): Promise<void> {
  const { db, during } = recorder;
  const person = await giveSettledPerson(db, { now });
  const all = { enabled: true, applicationStatus: true, reminders: true, security: true };
  const read = () => requirePreferences(db, person.userId);
  await askForUpdate(
    db,
    { userId: person.userId, phone: person.phone! },
    { sendAfter: after(now, 7200), now },
  );
  await during('one kind of text off', async () => {
    const switches = { ...all, applicationStatus: false };
    const saved = await saveTexts(
      db,
      person,
      { switches, version: (await read()).textsVersion, agreed: false },
      later(0),
    );
    expect(saved).toMatchObject({ ok: true });
  });
  await during('all texts off', () => turnTextsOff(db, person, later(1)));
  await during('all texts on', async () => {
    const wish = { switches: all, version: (await read()).textsVersion, agreed: true };
    expect(await saveTexts(db, person, wish, later(2))).toMatchObject({ ok: true });
  });
  await during('quiet hours', async () => {
    const hours = {
      quietHoursEnabled: true,
      quietHoursStart: '21:00',
      quietHoursEnd: '08:00',
      timeZone: null,
    };
    await saveQuietHours(db, person, { ...hours, version: (await read()).quietHoursVersion }, later(3));
  });
  await during('test text', async () =>
    expect(await sendTestText(db, person, later(4))).toMatchObject({ ok: true }),
  );
  const staff = await giveSettledPerson(db, { now, role: 'staff' });
  const admin = await giveSettledPerson(db, { now, role: 'admin', phone: null });
  const prover = await givePending(db, staff.phone!, now);
  await during('right code for a protected number', async () =>
    expect(await checkCode(db, prover, prover.code, later(9))).toMatchObject({ ok: true, proven: false }),
  );
  await during('protected numbers', async () => {
    await listProtectedProofs(db, { holderUserId: staff.userId, now: after(now, 10) });
    const [proof] = await listProtectedProofs(db, { holderUserId: null, now: after(now, 10) });
    const release = { proofId: proof!.id, currentPassword: password };
    expect(await releaseNumberOf(db, admin, release, later(11))).toEqual({ ok: true });
  });
}

async function textsThatComeIn(): Promise<void> {
  const { db, during } = recorder;
  const person = await giveSettledPerson(db, { now });
  const text = (body: string, from = person.phone!) => ({
    sid: `SM${randomUUID().replaceAll('-', '')}`,
    from,
    to: developmentSender,
    messagingServiceSid: null,
    body,
    optOutType: null,
  });
  const pending = await givePending(db, newPhone(), now);
  const help = text('What is this, help please');
  for (const [seconds, each] of [
    [1, help],
    [2, help],
    [3, text('Hello')],
    [4, text('please stop texting me')],
    [5, text('start')],
    [6, text('stop', pending.phone)],
    [7, text('start', pending.phone)],
    [8, text('stop', bigPerson(70).phone)],
    [9, text('start', bigPerson(70).phone)],
    [10, text('start', bigPerson(100).phone)],
  ] as const) {
    await during(`inbound text, ${each.body}`, () => receiveText(db, each, later(seconds)));
  }
  await during('texts that the webhook never got', async () => {
    const log = openLog({ level: 'error', write: () => undefined });
    for (const [seconds, body] of [
      [20, 'stop'],
      [21, 'start'],
      [22, 'no more texts please'],
    ] as const) {
      fake.receive({ from: person.phone!, to: fromPhone, body, sentAt: after(now, seconds) });
    }
    const provider = await openProvider(makeEnv(database.url, twilioVariables(fake.url)));
    expect(await readMissedTexts({ db, provider, log }, { now: after(now, 3600) })).toBe('read');
  });
}

async function reports(): Promise<void> {
  const { db, during } = recorder;
  const report = async (
    seconds: number,
    row: { id: string; phone: string; providerSid: string | null },
    said: { status: string; errorCode?: number; price?: string },
    named = true,
  ) =>
    during(`status report, ${said.status} ${said.errorCode ?? ''}`, () =>
      applyStatus(db, {
        messageId: named ? row.id : null,
        sid: row.providerSid ?? `SM${row.id.replaceAll('-', '')}`,
        status: said.status,
        errorCode: said.errorCode ?? null,
        price: said.price ?? null,
        priceUnit: 'USD',
        segments: 1,
        to: row.phone,
        now: after(now, seconds),
      }),
    );
  const give = async () => {
    const person = await makePerson(db);
    const { messageId } = await askForCode(db, person);
    const providerSid = `SM${messageId.replaceAll('-', '')}`;
    await db.execute(sql`update sms_messages set status = 'sent', sender = 'fake', provider_sid = ${providerSid}
      where id = ${messageId}`);
    return { id: messageId, phone: person.phone, providerSid };
  };
  const delivered = await give();
  await report(1, delivered, { status: 'sent' });
  await report(2, delivered, { status: 'delivered', price: '-0.0079' });
  await report(3, delivered, { status: 'delivered' }, false);
  // A fault of the carrier, an opt-out, a landline, a sender that is not registered, and one that comes through after all.
  for (const errorCode of [30_008, 21_610, 30_006, 30_034, 30_022]) {
    await report(4, await give(), { status: 'undelivered', errorCode });
  }
  const repeated = await give();
  await report(5, repeated, { status: 'undelivered', errorCode: 30_003 });
  await report(6, repeated, { status: 'undelivered', errorCode: 30_008 });
  await report(7, repeated, { status: 'delivered' });
  await report(8, { id: randomUUID(), phone: newPhone(), providerSid: null }, { status: 'delivered' });
}

async function lookingOn(): Promise<void> {
  const { db, during } = recorder;
  await during('development phone', async () => {
    await readHandsets(db);
    for (const { phone } of [bigPerson(80), bigPerson(2)]) await readThread(db, phone, now);
  });
  await during('status of a person', () => readPersonSms(db, bigPerson(90).email));
  await during('delayed texts', () => isSmsDelayed(db, now));
  await lookingAtReports();
  await exportingRows();
  await makingPacks();
  await lookingForPeople();
  await lookingForTexts();
}

async function lookingForTexts(): Promise<void> {
  const { db, during } = recorder;
  const admin = bigPerson(7).userId;
  const subjects: (MessageSubject | null)[] = [
    null,
    ...[{ phone: bigPerson(7).phone }, { lastDigits: '0007' }].map((filter) => ({
      ...{ kind: 'number' as const, filter },
    })),
    { kind: 'person', id: bigPerson(7).userId },
    { kind: 'application', id: randomUUID() },
    { kind: 'names', text: 'Person 1' },
  ];
  const statuses = ['queued', 'sending', 'sent', 'delivered', 'failed', 'canceled', 'received'] as const;
  // The last of the alphabet, a frequent one, a rare one, the first, and one that is always in one state.
  const templates = ['verification', 'applicationStatus', 'documentsReminder', 'answerTaken', 'inbound'];
  for (const subject of subjects) {
    for (const status of [null, ...statuses]) {
      for (const template of [null, ...templates]) {
        for (const errorCode of [null, 30_003, 30_008, 21_610]) {
          const wanted = { subject, status, template, errorCode };
          await during(`texts, ${JSON.stringify(wanted)}`, async () => {
            const { older } = await readMessagesPage(db, { ...wanted, before: null }, admin);
            const before = readKeyset(older ?? undefined, 'uuid');
            if (before !== null) await readMessagesPage(db, { ...wanted, before }, admin);
          });
        }
      }
    }
    for (const failuresOnly of [false, true]) {
      const wanted = { subject, failuresOnly };
      await during(`attempts, ${JSON.stringify(wanted)}`, async () => {
        const { older } = await readVerificationsPage(db, { ...wanted, before: null }, admin);
        const before = readKeyset(older ?? undefined, 'number');
        if (before !== null) await readVerificationsPage(db, { ...wanted, before }, admin);
      });
    }
  }
  const { rows: some } = await database.pool.query<{ id: string; provider_sid: string | null }>(
    `select distinct on (status, purpose) id, provider_sid from sms_messages order by status, purpose`,
  );
  for (const { id, provider_sid: sid } of some) {
    for (const typed of [id, ...(sid === null ? [] : [sid])]) {
      await during('a text that is looked for', async () =>
        expect(await findSubject(db, typed, null)).toMatchObject({
          ok: true,
          found: { kind: 'message', id },
        }),
      );
    }
    await during('a text', async () =>
      expect(await readMessagePage(db, id, { adminId: admin, now })).not.toBeNull(),
    );
  }
  for (const n of [7, 80, 2]) {
    const { userId, phone } = bigPerson(n);
    await during('the texts of a person', async () => {
      for (const receiptsBefore of [null, 1_000]) {
        expect(await readPersonTexts(db, userId, { adminId: admin, receiptsBefore, now })).not.toBeNull();
      }
    });
    await during('the page of a number', async () =>
      expect(await readPhonePage(db, sealPhoneId(phone), { adminId: admin, now })).not.toBeNull(),
    );
  }
  await during('what is masked is shown to an admin', async () => {
    const revealing = await giveSettledPerson(db, { role: 'admin', phone: null, now });
    const { userId, phone } = bigPerson(7);
    expect(await revealPerson(db, revealing, userId, later(1))).toMatchObject({ ok: true });
    expect(await revealNumber(db, revealing, phone, later(1))).toEqual({ ok: true });
  });
  for (const typed of ['Person 1', 'person7@example.com', 'Nobody', bigPerson(7).phone]) {
    await during('someone whose texts are looked for', () => findSubject(db, typed, null));
  }
}

async function lookingAtReports(): Promise<void> {
  const { db, during } = recorder;
  const today = dayOf(now, env().reportTimeZone);
  await during('a day is summed up', () => rollUpDays(db, now, 1));
  await during('a month is summed up', () => rollUpMonths(db, now, 1));
  for (const days of [1, 7, 90]) {
    const period = { first: addDays(today, 1 - days), last: today, stepDays: days > 45 ? 7 : 1 };
    await during(`the overview of ${days} days`, () => readAdminOverview(db, period, now));
  }
  await during('the figures', () => printMetrics(db, now));
}

async function exportingRows(): Promise<void> {
  const { db, during } = recorder;
  const reader = await readSessionOf(db, await giveSettledPerson(db, { role: 'admin', now }), now);
  const context = contextAt(now);
  const onFault = (_id: string, error: unknown) => expect.unreachable(String(error));
  const limits = { rowsPerPart: 1_000, mostRows: rows };
  for (const kind of ['messages', 'attempts', 'consents', 'opt_outs'] as const) {
    const days = { from: new Date(now.getTime() - 200 * 24 * 3600 * 1000), to: now };
    await during(`an export of ${kind}`, async () => {
      const asked = await requestExport(
        db,
        reader,
        { kind, format: 'csv', wholeNumbers: false, ...days },
        context,
      );
      if (!asked.ok) throw new Error(asked.reason);
      for (let part = 0; part < 3; part += 1)
        expect(await writeNextPart(db, now, { onFault, limits })).toBe(true);
      await listExports(db);
      await removeExport(db, reader, asked.id, context);
    });
  }
}

async function makingPacks(): Promise<void> {
  const { db, during } = recorder;
  const reader = await readSessionOf(db, await giveSettledPerson(db, { role: 'admin', now }), now);
  const context = contextAt(now);
  const onFault = (_id: string, error: unknown) => expect.unreachable(String(error));
  const period = { from: new Date(now.getTime() - 200 * 24 * 3600 * 1000), to: now };
  const { userId, phone } = bigPerson(7);
  for (const about of [{ userId }, { phone }]) {
    await during(`a pack of a ${Object.keys(about)[0]}`, async () => {
      const asked = await requestPack(db, reader, { about, ...period }, context);
      if (!asked.ok) throw new Error(asked.reason);
      const limits = { rowsPerPart: 250, mostRows: rows };
      for (let part = 0; await writeNextPart(db, now, { onFault, limits }); part += 1)
        expect(part).toBeLessThan(100);
      await readPacksPage(db, { person: userId, phoneId: sealPhoneId(phone) });
      const pack = await openPack(db, reader, asked.id, context);
      if (pack === null || pack === 'confirm_first') throw new Error('There is no pack');
      for await (const piece of pack.pieces) expect(piece.length).toBeGreaterThan(0);
      await removeExport(db, reader, asked.id, context);
    });
  }
}

async function lookingForPeople(): Promise<void> {
  const { db, during } = recorder;
  // Nothing of the product asks for mails by their address.
  const findToken = (email: string) => readToken(database.db, email);
  const searches = [
    null,
    { phone: bigPerson(7).phone },
    { lastDigits: '0007' },
    // Of everyone, of about half, of one, of nobody.
    { text: 'p' },
    { text: 'Person 1' },
    { text: 'person100@' },
    { text: 'nobody' },
  ];
  for (const search of searches) {
    for (const role of [null, 'applicant', 'broker', 'admin'] as const) {
      for (const state of [null, ...personStates]) {
        await during(`people, ${JSON.stringify({ search, role, state })}`, async () => {
          const query = { search, role, state, after: undefined };
          const { older } = await readPeoplePage(db, query, bigPerson(7).userId);
          if (older !== null) await readPeoplePage(db, { ...query, after: older }, bigPerson(7).userId);
        });
      }
    }
  }
  await during('what an admin does', async () => {
    const admin = await giveSettledPerson(db, { role: 'admin', phone: null, now });
    const { userId, email } = await giveSettledPerson(db, { now });
    await signIn(db, { email, password: 'wrong' }, later(1));
    const changes: AccountChange[] = [
      { do: 'unlock' },
      { do: 'end_sessions' },
      { do: 'deactivate' },
      { do: 'reactivate' },
      { do: 'change_role', role: 'applicant' },
    ];
    for (const change of changes) {
      const what = { userId, change, reason: 'Asked for.', currentPassword: password };
      const isLast = change.do === 'change_role';
      expect(await manageAccount(db, admin, what, later(2))).toMatchObject({ ok: !isLast });
    }
    const role = 'staff' as const;
    const invitation = { name: 'Nora', role, reason: 'Joins.', currentPassword: password };
    for (const invited of [newEmail(), bigPerson(24).email]) {
      expect(await invitePerson(db, admin, { ...invitation, email: invited }, later(3))).toEqual({
        ok: true,
      });
      const chosen = {
        token: await findToken(invited),
        name: 'Nora',
        password: 'walnut harbor lamp',
        timeZone: null,
      };
      expect(await acceptInvitation(db, chosen, later(4))).toMatchObject({ ok: true });
    }
    await invitePerson(db, admin, { ...invitation, email: newEmail() }, later(5));
    const { invitations } = await readInvitationsPage(db, { adminId: admin.userId, now: after(now, 6) });
    const withdrawn = { invitationId: invitations[0]!.id, reason: 'Wrong.', currentPassword: password };
    expect(await withdrawInvitation(db, admin, withdrawn, later(7))).toEqual({ ok: true });
  });
  await during('second factors, as an admin sees to them', async () => {
    const admin = await giveSettledPerson(db, { role: 'admin', phone: null, now });
    const holder = await giveSettledPerson(db, { role: 'staff', phone: null, now });
    const lacking = await giveSettledPerson(db, { role: 'staff', phone: null, factor: false, now });
    await database.pool.query('update users set email_proven_at = now() where id = $1', [holder.userId]);
    const ask = ({ userId }: { userId: string }, change: AccountChange) =>
      manageAccount(db, admin, { userId, change, reason: 'Lost it.' }, later(2));
    expect(await ask(holder, { do: 'reset_factors' })).toMatchObject({ ok: true });
    expect(await ask(lacking, { do: 'send_enroll_link' })).toMatchObject({ ok: true });
    const token = await findToken(holder.email);
    expect(await enrollByLink(db, { token, password, knownBrowser: null }, later(3))).toMatchObject({
      ok: true,
    });
    expect(await replaceFactors(db, { userId: holder.userId, operator: 'ops' }, later(4))).toMatchObject({
      ok: true,
    });
    const grace = { role: 'staff', days: 3, reason: 'They are on their way.' } as const;
    expect(await setGrace(db, admin, grace, later(5))).toEqual({ ok: true });
    const { roles } = await readWithoutFactor(db, { adminId: admin.userId, now });
    expect(roles.find(({ role }) => role === 'staff')!.count).toBeGreaterThan(20);
    await setGrace(db, admin, { ...grace, days: 0 }, later(6));
  });
  await during('a person', async () => {
    const { olderHistory } = (await readPerson(db, bigPerson(50).userId, {
      adminId: bigPerson(7).userId,
      historyBefore: null,
      now,
    }))!;
    const historyBefore = readKeyset(olderHistory ?? undefined, 'number');
    expect(historyBefore).not.toBeNull();
    await readPerson(db, bigPerson(50).userId, { adminId: bigPerson(7).userId, historyBefore, now });
  });
}

/** So many codes wait that a stranger's, asked for now, would come too late. */
async function crowding(): Promise<void> {
  const { db, during } = recorder;
  await database.pool.query(`
    insert into sms_messages (id, phone, purpose, template, send_class, network, created_at, send_after, expires_at, status)
    select gen_random_uuid(), '+1' || (2123000000 + n)::text, 'verification', 'verification',
      (array['prove', 'prove', 'prove', 'sign_in'])[1 + n % 4], 'crowd:' || n, now(), now(),
      now() + interval '10 minutes', 'queued'
    from generate_series(1, 400) n`);
  const { userId } = await givePerson(db, { active: false, phone: newPhone(), agreed: true, now });
  const { phone } = (await readUserRow(db, userId))!;
  await during('a code asked for in a crowd', () =>
    db.transaction(async (tx) => {
      const number = await lockNumber(tx, phone!);
      const asked = await requestCode(tx, { userId, purpose: 'activate', number }, later(0));
      expect(asked).toMatchObject({ ok: false, reason: 'crowded' });
    }),
  );
}

async function dispatching(): Promise<void> {
  const { db, during } = recorder;
  const run = async (variables: Record<string, string>, ...whens: (() => Promise<unknown>)[]) => {
    const env = makeEnv(database.url, { ...twilioVariables(fake.url), ...variables, LOG_LEVEL: 'error' });
    const dispatcher = runDispatcher({ env, db, log: () => undefined });
    try {
      for (const when of whens) await when();
    } finally {
      await dispatcher.stop();
    }
  };
  const becomes =
    (id: string, fits: (row: Awaited<ReturnType<typeof readText>>) => boolean) => (): Promise<unknown> =>
      whenText(db, id, fits);
  const ends = (id: string) =>
    becomes(id, ({ status, reason }) => status === 'sent' || status === 'failed' || reason === 'budget');
  const giveUpdate = async () => askForUpdate(db, await makePerson(db));
  const giveStrangersCode = async () => {
    const { phone } = await givePending(db, nextPhone(), new Date());
    const [text] = await db.select().from(smsMessages).where(eq(smsMessages.phone, phone));
    return text!.id;
  };
  const person = await makePerson(db);
  const code = await askForCode(db, person);
  const update = await askForUpdate(db, person);
  await askForUpdate(db, await makePerson(db, { quietHours: { start: '00:00', end: '23:59' } }));
  const stranger = await askForUpdate(db, await makePerson(db, { consent: false }));
  const lost = await giveUpdate();
  await db.execute(sql`update sms_messages set status = 'sending', attempts = 1, unknown_since = now() - interval '1 hour',
    first_claimed_at = now() - interval '1 hour', lease_until = null where id = ${lost}`);
  const abandoned = await giveUpdate();
  await db.execute(sql`update sms_messages set status = 'sending', lease_until = now() - interval '1 minute'
    where id = ${abandoned}`);
  await db.execute(sql`update sms_messages set check_at = now() where id in (
    select id from sms_messages where check_at is not null limit 30)`);
  await during('dispatcher, with a pace', () =>
    run({}, ...[code.messageId, update, stranger, lost, abandoned].map(ends)),
  );
  await during('dispatcher, without a pace', async () => {
    const texts = [(await askForCode(db, await makePerson(db))).messageId, await giveUpdate()];
    // No setting says so for Twilio, which would have its own pace then.
    const env = { ...makeEnv(database.url, twilioVariables(fake.url)), smsMessagesPerSecond: null };
    const dispatcher = runDispatcher({ env, db, log: () => undefined });
    for (const id of texts) await ends(id)();
    await dispatcher.stop();
  });
  await during('dispatcher, with a stranger to text', async () => {
    const sent = await giveStrangersCode();
    await run({ SMS_DAILY_BUDGET_USD: '1000' }, ends(sent));
    expect(await readText(db, sent)).toMatchObject({ status: 'sent' });
    const refused = await giveStrangersCode();
    await run({ SMS_DAILY_BUDGET_USD: '17' }, ends(refused));
    expect(await readText(db, refused)).toMatchObject({
      reason: 'budget',
      details: { rule: 'strangers_share' },
    });
  });
  await during('dispatcher, over the budget', async () => {
    const poor = await makePerson(db);
    const texts = [await askForUpdate(db, poor), await askForUpdate(db, poor), await askForUpdate(db, poor)];
    await run({ SMS_DAILY_BUDGET_PER_USER_USD: '0.01' }, ...texts.map(ends));
    const late = await giveUpdate();
    await run({ SMS_DAILY_BUDGET_USD: '0.01' }, ends(late));
    expect(await readText(db, late)).toMatchObject({ status: 'queued', reason: 'budget' });
  });
  await during('dispatcher, refused', async () => {
    const refused = { kind: 'refuse', httpStatus: 400, code: 21_610 } as const;
    fake.onCreate = () => refused;
    await run({}, ends(await giveUpdate()));
  });
  await during('dispatcher, answered in vain', async () => {
    fake.onCreate = () => ({ kind: 'accept_and_refuse', httpStatus: 503 });
    const text = await giveUpdate();
    const isSent = becomes(text, ({ status }) => status === 'sent');
    const isUnknown = becomes(text, ({ reason }) => reason === 'provider_fault');
    const isLookedUp = () =>
      db.execute(sql`update sms_messages set unknown_since = now() - interval '1 hour', send_after = now()
        where id = ${text}`);
    await run({}, isUnknown, isLookedUp, isSent);
  });
  await during('dispatcher, whose sender is stopped', async () => {
    fake.onCreate = () => ({ kind: 'refuse', httpStatus: 401, code: 20_003 });
    const isStopped = async () => {
      const wait = becomes(await giveUpdate(), ({ reason }) => reason === 'provider_authentication');
      await wait();
    };
    await run({}, isStopped, isStopped, async () => {
      const { messageId } = await askForCode(db, await makePerson(db));
      await db.execute(sql`update sms_messages set expires_at = now() where id = ${messageId}`);
      await becomes(messageId, ({ status }) => status === 'failed' || status === 'canceled')();
    });
    fake.onCreate = () => null;
    await db.execute(sql`update sms_senders set stopped_until = now()`);
    await run({}, ends(await giveUpdate()));
  });
  await db.execute(sql`update sms_messages set check_at = now() where id in (
    select id from sms_messages where purpose = 'verification' and status = 'delivered' and sender = ${fromPhone} limit 30)`);
  await during('dispatchers of two senders', async () => {
    const variables = { TWILIO_CODES_FROM_PHONE: '+15005550016' };
    const giveCode = async () => (await askForCode(db, await makePerson(db))).messageId;
    const [first, unknown, told] = [await giveCode(), await giveCode(), await giveUpdate()];
    await db.execute(sql`update sms_messages set status = 'sending', attempts = 1, unknown_since = now() - interval '1 hour',
      first_claimed_at = now() - interval '1 hour', lease_until = null where id = ${unknown}`);
    await run(variables, ...[first, unknown, told].map(ends));
    fake.onCreate = () => ({ kind: 'refuse', httpStatus: 401, code: 20_003 });
    const isStopped = async () => becomes(await giveCode(), ({ reason }) => reason !== null)();
    await run(variables, isStopped, isStopped, async () => {
      const late = await giveCode();
      await db.execute(sql`update sms_messages set expires_at = now() where id = ${late}`);
      await becomes(late, ({ status }) => status === 'failed' || status === 'canceled')();
    });
    fake.onCreate = () => null;
    await db.execute(sql`update sms_senders set stopped_until = now()`);
    await run(variables, ends(await giveCode()));
  });
  const quiet = openLog({ level: 'error', write: () => undefined });
  await during('reconcile', async () => {
    const env = makeEnv(database.url, twilioVariables(fake.url));
    await reconcileTexts(db, await openProvider(env), { now: new Date(), log: quiet });
  });
  await during('a list of numbers out of service', async () => {
    const unheardOf = Array.from({ length: 1_000 }, (_, i) => `1312${2_000_000 + i}`);
    fake.deactivations.set('2026-01-02', [...unheardOf, bigPerson(30).phone, bigPerson(31).phone].join('\n'));
    await db
      .insert(smsDeactivationReads)
      .values({ provider: 'twilio', readThrough: '2026-01-01', nextAt: now });
    const provider = await openProvider(makeEnv(database.url, twilioVariables(fake.url)));
    const at = new Date('2026-01-03T12:00:00Z');
    expect(await readDeactivations({ db, provider, log: quiet }, { now: at })).toBe('read');
  });
  await during('codes that were entered', async () => {
    const codes = Array.from({ length: 60 }, (_, i) => ({
      challengeId: randomUUID(),
      enteredAt: now,
      dueAt: after(now, i),
    }));
    await db.insert(smsEnteredCodes).values(codes);
    const provider = await openProvider(makeEnv(database.url, twilioVariables(fake.url)));
    expect(await reportEnteredCodes({ db, provider, log: quiet }, after(now, 60))).toBe(50);
  });
  await during('what a scope has spent', () => sumSpend(db, 'all', now));
  expect(await db.$count(smsMessages)).toBeGreaterThan(rows);
}

async function alarming(): Promise<void> {
  const { db, during } = recorder;
  const log = openLog({ level: 'error', write: () => undefined });
  const receiver = { url: 'http://127.0.0.1:9/', secret: 'a secret for alerts' };
  const settings = makeEnv(database.url, {
    ...twilioVariables(fake.url),
    ALERT_WEBHOOK_URL: receiver.url,
    ALERT_WEBHOOK_SECRET: receiver.secret,
  });
  await during('checks for alarms', async () => {
    for (let round = 0; round < 2; round += 1) {
      await database.pool.query(`update alarm_rounds set next_at = now() - interval '1 second'`);
      expect(await checkAlarms({ db, env: settings, log })).toBe(true);
    }
  });
  await during('telling of alarms', async () => {
    expect(await deliverAlerts(db, receiver, log)).toBeGreaterThan(0);
  });
  const admin = await givePerson(db, { active: true, role: 'admin' });
  const { sessionId } = await openSession(db, admin.userId, now);
  await during('open alarms', async () => {
    const { alarms } = await readOpenAlarms(db, now);
    const acting = { userId: admin.userId, sessionId };
    expect(await acknowledgeAlarm(db, acting, alarms[0]!.id, later(0))).toEqual({ ok: true });
    expect((await countOpenAlarms(db)).slow_deliveries).toBeGreaterThan(0);
  });
  await during('the page of alarms', () => readAlarmsPage(db, now));
  await during('the page of the sender', () => readSenderHealth(db, now));
  await during('the page of limits', () => readRefusalCounts(db, now));
}

/** Codes that nobody entered, counted beside all others, and what admins do about them. */
async function pumping(): Promise<void> {
  const { db, during } = recorder;
  const people = await Promise.all(Array.from({ length: 12 }, () => givePerson(db, { active: true })));
  const { userId } = people[0]!;
  // All in one hour: codes are counted by the hour.
  const codes = (count: number) =>
    Array.from({ length: count }, (_, n) => ({
      at: now,
      phone: `+1646777${1_000 + n}`,
      network: `network:counted-${n}`,
      verified: n % 40 === 0,
      userId: people[n % people.length]!.userId,
    }));
  const counted = async (seconds: number) => {
    for (let read = batchRows; read === batchRows;) {
      read = await countCodes(db, after(now, seconds), batchRows);
    }
  };
  await during('counting codes', async () => {
    await db.execute(sql`delete from pumping_progress`);
    await giveAskedCodes(db, codes(60));
    await counted(900);
  });
  const { standing } = await readPumpingPage(db, { adminId: userId, now: after(now, 900) });
  const closure = standing.find(({ about }) => about.digits === '+1646777')!;
  expect(closure).toMatchObject({ kind: 'closed', figures: { networks: 58 } });
  const admin = await giveSettledPerson(db, { role: 'admin', phone: null, now: after(now, 890) });
  await during('the page of pumping, and what admins order there', async () => {
    const reason = 'Robots.';
    const order = { kind: 'blocked', about: 'range', phone: '+16467771000', days: 1, reason } as const;
    expect(await orderPumping(db, admin, order, later(910))).toEqual({ ok: true });
    expect(await endPumpingOrder(db, admin, { id: closure.id, reason }, later(911))).toEqual({ ok: true });
    await readPumpingPage(db, { adminId: admin.userId, now: after(now, 912) });
  });
  await during('a code that is held back', async () => {
    const phone = '+16467779999';
    const asker = await givePerson(db, { active: false, phone, agreed: true, now });
    const answer = await db.transaction(async (tx) =>
      requestCode(
        tx,
        { userId: asker.userId, purpose: 'activate', number: await lockNumber(tx, phone) },
        later(912),
      ),
    );
    expect(answer).toMatchObject({ ok: false, reason: 'range_closed' });
  });
  await during('orders that ended long ago', async () =>
    expect(await pruneOrders(db, after(now, -60 * 24 * 3600), batchRows)).toBe(batchRows),
  );
}

async function movingInBulk(): Promise<void> {
  const { db, during } = recorder;
  const person = await giveSettledPerson(db, { role: 'staff', now });
  const mover = await readSessionOf(db, person, now);
  const context = later(1);
  const ids = await giveManySubmitted(db, [await makePerson(db)], 40, now);
  const onFault = (_about: unknown, error: unknown) => {
    throw error;
  };
  await during('moving in bulk', async () => {
    const made = await draftBulkMove(db, mover, { ids }, context);
    if (!made.ok) throw new Error(made.reason);
    const { id } = made;
    await aimBulkMove(db, mover, { id, to: 'in_review', note: null }, context);
    expect(await countNextForecast(db, after(now, 2), async () => true)).toBe(true);
    await readBulkPage(db, mover, id, after(now, 2));
    expect(await startBulkMove(db, mover, id, context)).toEqual({ ok: true });
    expect(await moveNextItems(db, after(now, 3), { most: 100, onFault })).toBe('moved');
    await decideNotices(db, after(now, 3), { onFault });
    expect(await moveNextItems(db, after(now, 4), { most: 100, onFault })).toBe('moved');
    await pauseBulkMove(db, mover, id, context);
    await stopBulkMove(db, mover, id, context);
    await readBulkPage(db, mover, id, after(now, 4));
    for await (const line of (await openMissingList(db, mover, id, String, context))!)
      expect(line).not.toBe('');
    await listBulkMoves(db, mover);
    await db.transaction((tx) => deleteUser(tx, mover.userId));
  });
}

async function keepingHouse(): Promise<void> {
  const { db, during } = recorder;
  await during('the ledgers of a night', () => checkLedgers(db, now, 9));
  await during('housekeeping', async () => {
    await keepHouse(db, now);
  });
  // What strangers have entered and nobody has proven.
  await db.execute(sql`insert into phone_numbers (number, prove_sends)
    select '+1888' || (2000000 + n), array[${now.toISOString()}::timestamptz + interval '1 second' * n]
    from generate_series(1, 50000) n`);
  await db.execute(sql`analyze phone_numbers`);
  await during('numbers that say nothing any more', async () =>
    expect(await forgetNumbers(db, after(now, 40 * 24 * 3600), 100)).toBe(100),
  );
  // Texts that were on their way when their accounts ended.
  await db.execute(sql`update sms_messages set user_id = null where id in (
    select id from sms_messages
    where status = 'delivered' and user_id is not null and direction = 'out' and purpose <> 'reply' and phone <> '' limit 300)`);
  await during('what is left of ended accounts', async () =>
    expect(await eraseNumbersOfSent(db, now, 200)).toBe(200),
  );
  const before = after(now, -40 * 24 * 3600);
  await during('what is older than it may be', async () => {
    for (let round = 0; round < 2; round += 1) {
      expect(await eraseOldTexts(db, { before, now }, batchRows)).toBe(batchRows);
      expect(await pruneAttempts(db, before, now, batchRows)).toBe(batchRows);
      expect(await pruneChallenges(db, before, batchRows)).toBe(batchRows);
      expect(await eraseOldOrigins(db, before, batchRows)).toBe(batchRows);
      expect(await pruneMails(db, before, batchRows)).toBe(batchRows);
      await forgetNetworks(db, before, batchRows);
      expect(await pruneAlarms(db, before, batchRows)).toBe(batchRows);
      expect(await pruneLinks(db, { before, unownedBefore: before }, batchRows)).toBe(batchRows);
    }
  });
}
