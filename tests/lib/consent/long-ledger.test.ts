import { afterAll, beforeAll, expect, test } from 'vitest';
import { deleteAccount } from '@/lib/auth/ending/delete-account';
import { expirePending } from '@/lib/auth/ending/expire-pending';
import { hasAgreedSince, hasConsent, readStandingConsent } from '@/lib/consent/ledger';
import { readLastOptOut } from '@/lib/consent/opt-out-ledger';
import { newId } from '@/lib/random';
import type { FoundLate } from '@/lib/sms/inbound/found-late';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { developmentSender } from '@/lib/sms/senders/sender';
import { readPolicyFacts } from '@/lib/sms/dispatch/send-policy-facts';
import { finishStops } from '@/lib/sms/outbox/opt-out';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, givePerson, newPhone } from '@/tests/support/people';
import { openPlanRecorder, type PlanNode, type PlanRecorder } from '@/tests/support/plans';
import { giveSettledPerson, password, type SettledPerson } from '@/tests/support/settled-person';
import { askForCode } from '@/tests/support/texts';

/** Rows of one person at one number, and as many opt-outs, none of the last day: years of saying STOP and START in turn. */
const rows = 200_000;

/** A handful for each person and scope, and what is written. */
const mostRows = 25;

/** Accounts that name one number and were refused a code to it, far more than a STOP withdraws at once. */
const crowd = 6_000;

const ledgers = new Set(['sms_consents', 'sms_opt_outs', 'sms_consent_details', 'sms_verification_log']);

const database = useDatabase();
const now = new Date();
let recorder: PlanRecorder;
let person: SettledPerson & { phone: string };

beforeAll(async () => {
  recorder = openPlanRecorder(database.url);
  const phone = newPhone();
  person = { ...(await giveSettledPerson(database.db, { phone, now: after(now, -60) })), phone };
  const { userId } = person;
  // The grant is the oldest row: what a START resumes has to be found without going through all of them.
  await database.pool.query(
    `insert into sms_consents (at, user_id, phone, scope, action, medium, wording_version, wording, sender)
     select $3::timestamptz - make_interval(secs => $4::int + 100 - n), $1, $2, 'updates',
       case when n = 1 then 'granted' when n % 2 = 0 then 'withdrawn' else 'resumed' end,
       case when n = 1 then 'preferences' when n % 2 = 0 then 'sms_stop' else 'sms_start' end,
       case when n % 2 = 1 then '1' end, case when n % 2 = 1 then repeat('Yes. ', 20) end, 'Doorstep'
     from generate_series(1, $4::int - 1) n`,
    [userId, phone, now, rows],
  );
  await database.pool.query(
    `insert into sms_opt_outs (at, phone, act, channel, covers, words, provider_sid, recorded_by)
     select $2::timestamptz - make_interval(days => 1, secs => $3::int + 100 - n), $1, case when n % 2 = 0 then 'lifted' else 'opted_out' end,
       'text', array['verification', 'updates'], 'STOP', 'SM' || md5(n::text), 'inbound_webhook'
     from generate_series(1, $3::int) n`,
    [phone, now, rows],
  );
  await database.pool.query('vacuum (analyze) sms_consents, sms_opt_outs');
}, 120_000);

afterAll(() => recorder?.end());

/** Runs a journey. Out: what it answered, and the most rows of a ledger that a step of its statements read. */
async function read<Value>(
  journey: string,
  run: () => Promise<Value>,
): Promise<{ most: number; value: Value }> {
  const value = await recorder.during(journey, run);
  const steps = recorder.ran.filter((ran) => ran.journey === journey).flatMap(({ plan }) => listSteps(plan));
  expect(steps.length, `${journey} was recorded`).toBeGreaterThan(0);
  return { most: Math.max(0, ...steps.map(countRead)), value };
}

function listSteps(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(listSteps)];
}

function countRead(node: PlanNode): number {
  const isOfLedger =
    ledgers.has(node['Relation Name'] ?? '') ||
    /^sms_(?:consent|opt_out|verification_log)/.test(node['Index Name'] ?? '');
  if (!isOfLedger || !node['Node Type'].endsWith('Scan')) return 0;
  const each =
    (node['Actual Rows'] ?? 0) +
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Index Recheck'] ?? 0);
  return each * (node['Actual Loops'] ?? 1);
}

const say = (phone: string, body: string, seconds: number, late: FoundLate | null = null) => {
  const sid = `SM${newId().replaceAll('-', '')}`;
  const text = { sid, from: phone, to: developmentSender, messagingServiceSid: null, body, optOutType: null };
  return receiveText(recorder.db, text, contextAt(after(now, seconds)), { late });
};

test('a STOP and a START at a number with a long ledger read a few rows of it, and do what they should', async () => {
  const { userId, phone } = person;
  for (const round of [1, 2]) {
    const stop = await read(`STOP ${round}`, () => say(phone, 'STOP', round * 10));
    expect(stop.most).toBeLessThanOrEqual(mostRows);
    expect(await readStandingConsent(database.db, { userId, phone })).toEqual(new Set());
    const start = await read(`START ${round}`, () => say(phone, 'START', round * 10 + 5));
    expect(start.most).toBeLessThanOrEqual(mostRows);
    expect(await readStandingConsent(database.db, { userId, phone })).toEqual(
      new Set(['verification', 'updates']),
    );
  }
  const { rows: last } = await database.pool.query(
    `select wording, wording_version as version from sms_consents where phone = $1 and scope = 'updates' order by id desc limit 1`,
    [phone],
  );
  expect(last).toEqual([{ wording: 'Yes. '.repeat(20), version: '1' }]);
});

test('consent in force, and what was said last, is read in a few rows', async () => {
  const { userId, phone } = person;
  const consent = await read('whether there is consent', () =>
    recorder.db.transaction(async (tx) => {
      await hasAgreedSince(tx, {
        userId,
        phone,
        scopes: ['verification', 'updates'],
        since: now,
        until: now,
      });
      return hasConsent(tx, { userId, phone, scope: 'updates' });
    }),
  );
  expect(consent).toMatchObject({ value: true });
  expect(consent.most).toBeLessThanOrEqual(mostRows);
  const optOut = await read('the last opt-out', () => readLastOptOut(recorder.db, phone));
  expect(optOut.value).toMatchObject({ act: 'lifted' });
  expect(optOut.most).toBeLessThanOrEqual(mostRows);
});

test('what the send policy asks about a text to them is read in a few rows', async () => {
  const { messageId } = await askForCode(database.db, person);
  const facts = await read('send policy', () => readPolicyFacts(recorder.db, [messageId]));
  expect(facts.value.get(messageId)).toMatchObject({
    consents: new Set(['verification', 'updates']),
    endedWithNumber: false,
  });
  expect(facts.most).toBeLessThanOrEqual(mostRows);
});

test('their account ends, and reads a few rows of it', async () => {
  const ended = await read('an account ends', () =>
    deleteAccount(
      recorder.db,
      person,
      { currentPassword: password, confirmed: true },
      contextAt(after(now, 60)),
    ),
  );
  expect(ended.value).toEqual({ ok: true });
  expect(ended.most).toBeLessThanOrEqual(mostRows);
  expect(await readStandingConsent(database.db, person)).toEqual(new Set());
});

test('of a number that thousands of accounts named, a STOP reads a row for five hundred, and others for one', async () => {
  const phone = newPhone();
  await database.pool.query(
    `with accounts as (
       insert into users (id, email, email_key, name, password_hash, phone, created_at, activated_at, password_changed_at)
       select md5('account ' || n)::uuid, n || $1, n || $1, '', '-', $1, $2, $2, $2 from generate_series(1, $3::int) n
       returning id
     )
     insert into sms_consents (at, user_id, phone, scope, action, medium, wording_version, wording, sender)
     select $2, id, $1, 'verification', action, 'registration', '1', 'Yes.', 'Doorstep'
     from accounts, unnest(array['granted', 'withdrawn', 'granted']) action`,
    [phone, now, crowd],
  );
  const {
    rows: [last],
  } = await database.pool.query<{ id: string }>(
    'select id from users where phone = $1 order by id desc limit 1',
    [phone],
  );
  const far = { userId: last!.id, phone };
  await database.pool.query('analyze');
  const atOnce = 2 * 501;
  const stop = await read('STOP of many', () => say(phone, 'STOP', 1));
  expect(stop.most).toBeLessThanOrEqual(atOnce);
  const start = await read('START of many', () => say(phone, 'START', 2));
  expect(start.most).toBeLessThanOrEqual(mostRows);

  const { messageId } = await askForCode(database.db, far);
  const facts = await read('send policy meanwhile', () => readPolicyFacts(recorder.db, [messageId]));
  expect(facts.value.get(messageId)).toMatchObject({ consents: new Set() });
  expect(facts.most).toBeLessThanOrEqual(mostRows);
  const late = { sentAt: after(now, 60), earlier: new Set<string>(), later: new Set<string>() };
  const found = await read('a late STOP of many', () => say(phone, 'STOP', 3600, late));
  expect(found.most).toBeLessThanOrEqual(2 * atOnce);
  const consent = await read('consent meanwhile', () => readStandingConsent(recorder.db, far));
  expect(consent).toMatchObject({ value: new Set() });
  expect(consent.most).toBeLessThanOrEqual(mostRows);
  const batch = await read('a batch of the chore', () => finishStops(recorder.db, now, 500));
  expect(batch.most).toBeLessThanOrEqual(atOnce);

  await database.pool.query(
    `insert into sms_verification_log (at, event, reason, phone, user_id)
     select $2, 'send_refused', 'stopped', $1, id from users, generate_series(1, 3) where phone = $1`,
    [phone, after(now, 3700)],
  );
  await database.pool.query('analyze sms_verification_log');
  const again = await read('START of many who were refused', () => say(phone, 'START', 3800));
  expect(again.most).toBeLessThanOrEqual(5_000);
});

test('the end of an account locks no number that it has left, however many it once named', async () => {
  const old = after(now, -40 * 24 * 3600);
  const { userId } = await givePerson(database.db, { active: false, now: old });
  const named = Array.from({ length: 300 }, () => newPhone());
  const [last] = named;
  await database.pool.query(
    `insert into sms_consents (at, user_id, phone, scope, action, medium, wording_version, wording, sender)
     select $3, $1, phone, 'verification', action, 'code_page', '1', 'Yes.', 'Doorstep'
     from unnest($2::text[]) phone, unnest(array['granted', 'withdrawn']) action
     where action = 'granted' or phone <> $4 order by action`,
    [userId, named, old, last],
  );
  // Each of the others is in the hands of someone else.
  const other = await database.pool.connect();
  try {
    await other.query('begin');
    await other.query('insert into phone_numbers (number) select unnest($1::text[])', [named.slice(1)]);
    expect(await expirePending(database.db, now, 10)).toBe(1);
  } finally {
    await other.query('rollback');
    other.release();
  }
  const { rows: ends } = await database.pool.query(
    `select phone from sms_consents where user_id = $1 and medium = 'account_expired'`,
    [userId],
  );
  expect(ends).toEqual([{ phone: last }]);
});
