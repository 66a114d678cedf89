import { randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { smsMessages } from '@/db/schema/sms';
import { endPendingToken, readPending } from '@/lib/accounts/pending';
import { endSession, listSessions, readSession, redeemLoginGrant } from '@/lib/accounts/sessions';
import { eraseOldOrigins } from '@/lib/audit';
import { readActivity } from '@/lib/auth/activity';
import { changePassword } from '@/lib/auth/change-password';
import { changePhoneByPassword, removePhoneByPassword } from '@/lib/auth/change-phone';
import { deleteAccount } from '@/lib/auth/delete-account';
import { endOne, endOthers } from '@/lib/auth/end-sessions';
import { register } from '@/lib/auth/register';
import { releaseNumberOf } from '@/lib/auth/release-number';
import { signIn } from '@/lib/auth/sign-in';
import { listReceipts } from '@/lib/consent/receipts';
import { listProtectedProofs } from '@/lib/reporting/protected-numbers';
import { batchRows, keepHouse } from '@/lib/housekeeping';
import { readPersonSms } from '@/lib/reporting/person-sms';
import { readKeyset } from '@/lib/reporting/keyset';
import { readSmsOverview } from '@/lib/reporting/sms-overview';
import { openLog } from '@/lib/log';
import { sumSpend } from '@/lib/sms/capacity/budget';
import { cancelPhoneChange, readPhoneChange } from '@/lib/sms/verification/change-phone';
import { requestCode } from '@/lib/sms/verification/request';
import { applyStatus } from '@/lib/sms/delivery/status-report';
import { isSmsDelayed } from '@/lib/sms/delivery/outage';
import { readMissedTexts } from '@/lib/sms/inbound/missed-inbound';
import { reconcileTexts } from '@/lib/sms/delivery/reconcile';
import { readHandsets, readThread } from '@/lib/sms/inbound/dev-phone';
import { pruneAttempts, pruneChallenges } from '@/lib/sms/verification/erase-attempts';
import { runDispatcher } from '@/lib/sms/dispatch/dispatch';
import { listTexts } from '@/lib/sms/outbox/history';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { lockNumber } from '@/lib/sms/numbers/number';
import { eraseOldTexts, eraseNumbersOfSent } from '@/lib/sms/outbox/erase-texts';
import { openProvider } from '@/lib/sms/provider/open-provider';
import { readPhoneState } from '@/lib/sms/numbers/phone-state';
import { requirePreferences } from '@/lib/sms/preferences/preferences';
import { turnTextsOff, saveTexts, readTextsState } from '@/lib/sms/preferences/text-switches';
import { saveQuietHours } from '@/lib/sms/preferences/save-quiet-hours';
import { developmentSender } from '@/lib/sms/capacity/sender';
import { sendTestText } from '@/lib/sms/preferences/test-text';
import { replacePendingPhone, sendCode } from '@/lib/sms/verification/send-code';
import { skipVerification } from '@/lib/sms/verification/skip-verification';
import { checkCode } from '@/lib/sms/verification/check-code';
import { type Prover } from '@/lib/sms/verification/prover';
import { readVerificationState } from '@/lib/sms/verification/state';
import { bigPerson, bigTables, fillBigDatabase } from '../support/big-database';
import { useDatabase } from '../support/database';
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
  type PlanRecorder,
} from '../support/plans';
import { enterCode, giveSettledPerson, openSession, password } from '../support/settled-person';
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
    begins: "select to_char(day, 'YYYY-MM-DD') as day, texts, segments, settled, estimated from",
    mostRows: rows / 20,
    because:
      'the spending of 14 days is summed from single rows; it grows with those days, not with the table',
  },
  {
    begins: 'select scope, ceil(extract(epoch from',
    mostRows: 2 * minutesOfADay + mostRows,
    because:
      'spending is summed by the minute: a day of them for everyone, a day for strangers, and a few for each other scope',
  },
];

const database = useDatabase();
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

beforeAll(async () => {
  await fillBigDatabase(database.pool, { rows, now });
  recorder = openPlanRecorder(database.url);
  fake = await startFakeTwilio({ accountSid, authToken });
}, 400_000);

afterAll(async () => {
  await recorder?.end();
  await fake?.stop();
});

test('no statement of any journey takes longer the more rows there are', async () => {
  await registering();
  await provingANumber();
  await signedIn();
  await changingANumber();
  await deciding();
  await textsThatComeIn();
  await reports();
  await lookingOn();
  await crowding();
  await dispatching();
  await keepingHouse();

  const indexes = await readIndexes(database.pool);
  const faults = new Map<string, Set<string>>();
  for (const { journey, statement, plan } of recorder.ran) {
    if (journey === null) continue;
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
});

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

test('every index but those of keys is read by some statement of the journeys', async () => {
  const read = new Set(
    recorder.ran.flatMap(({ journey, plan }) => (journey === null ? [] : listIndexesOf(plan))),
  );
  const idle = [...(await readIndexes(database.pool))].filter(
    ([name, { isUnique, table }]) => !isUnique && table !== '__drizzle_migrations' && !read.has(name),
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

async function provingANumber(): Promise<void> {
  const { db, during } = recorder;
  const { email } = await givePerson(db, { active: false, now });
  await during('a pending browser', async () => {
    const signedIn = await signIn(db, { email, password: 'wrong' }, later(0));
    expect(signedIn.ok).toBe(false);
    const registered = await register(
      db,
      { ...input, email, phone: newPhone(), verifyPhone: true, tcpaConsent: true },
      later(0),
    );
    if (!registered.ok || registered.next !== 'verify') throw new Error('Nothing is pending');
    await readPending(db, registered.pendingToken, after(now, 5));
    await readPending(db, registered.pendingToken, after(now, 90));
    await endPendingToken(db, registered.pendingToken);
  });
  const person = await givePending(db, newPhone(), now);
  await during('code page', () => readVerificationState(db, person, after(now, 5)));
  await during('poll of the code page', () => readVerificationState(db, person, after(now, 10)));
  await during('wrong code', () => checkCode(db, person, wrongCodes(person.code, 1)[0]!, later(12)));
  await during('send again', () => sendCode(db, person, later(40)));
  await during('send again, too soon', () => sendCode(db, person, later(41)));
  await during('send a new code', () => sendCode(db, person, later(590)));
  const next: Prover = { ...person, phone: newPhone() };
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
      await readPhoneState(db, { ...user, phoneMovedAt: null });
      await readPhoneChange(db, user, now);
      await readTextsState(db, user);
      await requirePreferences(db, user.userId);
      const texts = await listTexts(db, user, { limit: 4 });
      await listTexts(db, user, { limit: 26, before: texts.at(-1) ?? { createdAt: now, id: randomUUID() } });
      await listTexts(db, user, { limit: null });
      await listReceipts(db, user.userId);
    }
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
  const nothing = {
    number: null,
    status: null,
    failuresOnly: false,
    textsBefore: null,
    attemptsBefore: null,
  };
  const statuses = ['queued', 'sending', 'sent', 'delivered', 'failed', 'canceled', 'received'] as const;
  const numbers = [null, { phone: bigPerson(7).phone }, { lastDigits: '0007' }, { lastDigits: '2000007' }];
  for (const number of numbers) {
    for (const status of [null, ...statuses]) {
      for (const failuresOnly of status === null ? [false, true] : [false]) {
        await during(`texts of all, ${JSON.stringify({ number, status, failuresOnly })}`, async () => {
          const query = { ...nothing, number, status, failuresOnly };
          const first = await readSmsOverview(db, query, now);
          await readSmsOverview(
            db,
            {
              ...query,
              textsBefore: readKeyset(first.texts.older ?? undefined, 'uuid'),
              attemptsBefore: readKeyset(first.attempts.older ?? undefined, 'number'),
            },
            now,
          );
        });
      }
    }
  }
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
  await during('reconcile', async () => {
    const env = makeEnv(database.url, twilioVariables(fake.url));
    const log = openLog({ level: 'error', write: () => undefined });
    await reconcileTexts(db, await openProvider(env), { now: new Date(), log });
  });
  await during('what a scope has spent', () => sumSpend(db, 'all', now));
  expect(await db.$count(smsMessages)).toBeGreaterThan(rows);
}

async function keepingHouse(): Promise<void> {
  const { db, during } = recorder;
  await during('housekeeping', async () => {
    await keepHouse(db, now);
  });
  // Texts that were on their way when their accounts ended.
  await db.execute(sql`update sms_messages set user_id = null where id in (
    select id from sms_messages where status = 'delivered' limit 300)`);
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
    }
  });
}
