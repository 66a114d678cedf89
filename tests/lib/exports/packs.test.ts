import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { auditLog } from '@/db/schema/accounts';
import { smsConsentDetails, smsConsents, smsOptOuts } from '@/db/schema/consent';
import { exportJobs, exportParts, packPieces } from '@/db/schema/reports';
import { smsMessages, smsVerificationLog } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import type { SessionUser } from '@/lib/accounts/sessions';
import { deleteAccount } from '@/lib/auth/ending/delete-account';
import { grantConsent } from '@/lib/consent/ledger';
import { pruneExports, removeExport } from '@/lib/exports/export-jobs';
import { openPack, readPacksPage, requestPack, type PackAbout } from '@/lib/exports/packs';
import { publicPackKey } from '@/lib/exports/pack-signature';
import { verifyPack } from '@/lib/exports/verify-pack';
import { writeNextPart } from '@/lib/exports/write-exports';
import { markNumber } from '@/lib/phone/mark';
import { newId } from '@/lib/random';
import { sealPhoneId } from '@/lib/reporting/phone-id';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { lockNumber } from '@/lib/sms/numbers/number';
import { displaceHolder } from '@/lib/sms/verification/activation';
import { useDatabase } from '@/tests/support/database';
import { downloadPack, readCsv, unzip, withFile } from '@/tests/support/packs';
import { after, contextAt, newPhone, noon } from '@/tests/support/people';
import {
  giveSettledPerson,
  openSession,
  password,
  readSessionOf,
  type SettledPerson,
} from '@/tests/support/settled-person';
import { fromPhone, twilioVariables } from '@/tests/support/texts';

Object.assign(process.env, twilioVariables('http://127.0.0.1:9'));
vi.setConfig({ testTimeout: 120_000 });

const database = useDatabase();
const hour = 3_600;
/** What happens in a test is before this moment, at which admins ask for packs. */
const asked = after(noon, hour);
const keys = [publicPackKey(process.env.AUTH_SECRET!.split(',')[0]!)];

let admin: SessionUser;
let faults: unknown[];
beforeEach(async () => {
  faults = [];
  await database.db.execute(sql`truncate sms_messages, export_jobs, sms_verification_log, audit_log cascade`);
  admin = await readSessionOf(
    database.db,
    await giveSettledPerson(database.db, { role: 'admin', now: asked }),
    asked,
  );
});

const at = (seconds: number) => contextAt(after(asked, seconds));
const onFault = (_id: string, error: unknown) => void faults.push(error);
const write = (seconds: number, rowsPerPart = 10, mostRows = 10_000, db: Db = database.db) =>
  writeNextPart(db, after(asked, seconds), { onFault, limits: { rowsPerPart, mostRows } });

const lastDay = { from: after(asked, -24 * hour), to: asked };

async function request(about: PackAbout, period = lastDay): Promise<string> {
  const answer = await requestPack(database.db, admin, { about, ...period }, at(1));
  if (!answer.ok) throw new Error(answer.reason);
  return answer.id;
}

async function make(about: PackAbout, period = lastDay, rowsPerPart = 10): Promise<Map<string, Buffer>> {
  const id = await request(about, period);
  for (let second = 2; await write(second, rowsPerPart); second += 1)
    if (second > 300) throw new Error('It never ends');
  expect(faults).toEqual([]);
  const zip = await downloadPack(database.db, admin, id, at(60));
  expect((await withFile(zip, (path) => verifyPack(path, keys))).problems).toEqual([]);
  return unzip(zip);
}

type Json = Record<string, unknown>;
const read = (files: Map<string, Buffer>, name: string) => files.get(name)!.toString('utf8');
const readRows = (files: Map<string, Buffer>, section: string) =>
  JSON.parse(read(files, `${section}.json`)) as Json[];

const readAll = (files: Map<string, Buffer>) => Buffer.concat([...files.values()]).toString('utf8');

/** Someone sends a text from a number. */
async function texts(from: string, body: string, when: Date): Promise<void> {
  const sid = `SM${newId().replaceAll('-', '')}`;
  const text = { sid, from, to: fromPhone, body, messagingServiceSid: null, optOutType: 'STOP' as const };
  await receiveText(database.db, text, contextAt(when));
}

/** Someone deletes their account. */
async function erase(person: SettledPerson, when: Date): Promise<void> {
  const { userId, email } = person;
  const { sessionId } = await openSession(database.db, userId, when);
  const form = { currentPassword: password, confirmed: true };
  const deleted = await deleteAccount(database.db, { userId, sessionId, email }, form, contextAt(when));
  expect(deleted).toEqual({ ok: true });
}

/** What is left of packs when the next round of housekeeping has been. */
async function countPieces() {
  while ((await pruneExports(database.db, after(asked, 60), 10)) >= 10);
  return {
    pieces: await database.db.$count(packPieces),
    parts: await database.db.$count(exportParts),
  };
}

/** A row of each kind in which a text can end, and one that waits. */
async function giveTexts(person: SettledPerson, count = 1): Promise<void> {
  const { userId, phone } = person;
  await database.db.execute(sql`
    insert into sms_messages (id, user_id, phone, purpose, template, params, status, reason, error_code, details, created_at, send_after,
      attempts, sender, provider_sid, provider_status, sent_at, delivered_at, failed_at, segments, price, estimated_price, price_settled_at, reserved_at, attempted_at)
    select gen_random_uuid(), ${userId}, ${phone}, kinds.purpose, kinds.template, kinds.params::jsonb, kinds.status, kinds.reason, kinds.error_code,
      kinds.details::jsonb, at, at, kinds.attempts, '+15550001111', 'SM' || md5(random()::text), kinds.provider_status, kinds.sent_at, kinds.delivered_at, kinds.failed_at, 1, kinds.price, 0.0083, at, at, at
    from generate_series(1, ${count}) n
    cross join lateral (select ${noon.toISOString()}::timestamptz + interval '0.1 second' * n as at) moment
    cross join lateral (values
      ('update', 'applicationStatus', '{"site":"Doorstep"}', 'delivered', null, null::int, null, 1, 'delivered', at, at, null::timestamptz, 0.0083),
      ('verification', 'verification', '{}', 'failed', 'budget', null, '{"rule":"SMS_DAILY_BUDGET_USD","limitMicros":"5"}', 0, null, null, null, at, null),
      ('update', 'applicationStatus', '{}', 'failed', 'unknown_number', 30005, null, 1, 'undelivered', at, null, at, 0.0083),
      ('notice', 'securityNotice', '{}', 'canceled', 'account_deactivated', null, null, 0, null, null, null, at, null)
    ) kinds (purpose, template, params, status, reason, error_code, details, attempts, provider_status, sent_at, delivered_at, failed_at, price)`);
}

async function giveRefusals(person: SettledPerson, count = 1): Promise<void> {
  await database.db.execute(sql`
    insert into sms_verification_log (at, event, reason, user_id, phone, address, times, last_at, details)
    select ${noon.toISOString()}::timestamptz + interval '1 second' * n, 'send_refused', 'send_limit', ${person.userId}, ${person.phone}, '198.51.100.7',
      3, ${noon.toISOString()}::timestamptz + interval '2 minutes', '{"limit":"3 in 1 h"}' from generate_series(1, ${count}) n`);
  await database.db.execute(sql`
    insert into sms_verification_log (at, event, user_id, phone) values (${noon.toISOString()}, 'verified', ${person.userId}, ${person.phone})`);
}

describe('a pack of a person', () => {
  test('has each row of the database, in all three forms, and each field as it is there', async () => {
    const person = await giveSettledPerson(database.db);
    await giveTexts(person, 7);
    await giveRefusals(person, 12);
    const files = await make({ userId: person.userId });
    expect([...files.keys()]).toEqual([
      'evidence.html',
      ...['consents.json', 'consents.csv', 'opt-outs.json', 'opt-outs.csv', 'messages.json', 'messages.csv'],
      ...['limits.json', 'limits.csv', 'manifest.json', 'manifest.sig'],
    ]);

    const texts = await database.db.select().from(smsMessages).orderBy(smsMessages.createdAt, smsMessages.id);
    const inPack = readRows(files, 'messages');
    expect(inPack.map(({ id }) => id)).toEqual(texts.map(({ id }) => id));
    const iso = (moment: Date | null) => moment && moment.toISOString().replace('Z', '000Z');
    expect(inPack.map((row) => ({ ...row, text: undefined, gates: undefined }))).toMatchObject(
      texts.map((row) => ({
        ...{
          user_id: row.userId,
          phone: row.phone,
          status: row.status,
          purpose: row.purpose,
          template: row.template,
        },
        ...{ provider_status: row.providerStatus, provider_sid: row.providerSid, sender: row.sender },
        ...{ error_code: row.errorCode, reason: row.reason, calls: row.attempts, segments: row.segments },
        ...{ price_usd: row.price, estimated_price_usd: row.estimatedPrice, price_is_settled: true },
        ...{ created_at: iso(row.createdAt), sent_at: iso(row.sentAt), delivered_at: iso(row.deliveredAt) },
        ...{ failed_at: iso(row.failedAt), let_through_at: iso(row.reservedAt) },
      })),
    );
    const answers = (row: Json) =>
      (row.gates as { gate: string; answer: string }[]).map(({ gate, answer }) => `${gate} ${answer}`);
    const withGates = (status: string, reason: string | null) =>
      answers(inPack.find((row) => row.status === status && row.reason === reason)!);
    expect(withGates('delivered', null)).toContain('consent pass');
    expect(withGates('delivered', null).every((each) => each.endsWith(' pass'))).toBe(true);
    expect(withGates('failed', 'budget')).toEqual(
      expect.arrayContaining(['consent pass', 'SMS_DAILY_BUDGET_USD refuse', 'provider not_reached']),
    );
    expect(withGates('failed', 'unknown_number')).toContain('provider refuse');
    expect(withGates('canceled', 'account_deactivated')).toContain('withdrawn refuse');

    const consents = await database.db
      .select()
      .from(smsConsents)
      .where(sql`user_id = ${person.userId}`)
      .orderBy(smsConsents.id);
    const details = await database.db
      .select()
      .from(smsConsentDetails)
      .where(sql`user_id = ${person.userId}`);
    expect(readRows(files, 'consents')).toMatchObject(
      consents.map((row) => ({
        ...{ id: String(row.id), at: iso(row.at), scope: row.scope, action: row.action, medium: row.medium },
        ...{ wording: row.wording, wording_version: row.wordingVersion, language: 'en', page: row.page },
        ...{ address: details.find((each) => each.consentId === row.id)!.address, in_period: true },
      })),
    );
    expect(readRows(files, 'consents')).toHaveLength(2);
    expect(readRows(files, 'limits')).toHaveLength(12);
    expect(readRows(files, 'limits')[0]).toMatchObject({
      event: 'send_refused',
      reason: 'send_limit',
      times: 3,
      address: '198.51.100.7',
    });

    for (const section of ['consents', 'opt-outs', 'messages', 'limits']) {
      const rows = readRows(files, section);
      const [head, ...lines] = readCsv(read(files, `${section}.csv`));
      expect(lines.map((line) => line[0])).toEqual(rows.map(({ id }) => id));
      for (const [index, row] of rows.entries()) {
        expect(Object.keys(row)).toEqual(head);
        for (const [column, name] of head!.entries()) {
          const value = row[name];
          if (value === null) expect(lines[index]![column]).toBe('');
          else if (typeof value !== 'object') expect(lines[index]![column]).toBe(String(value));
        }
      }
      const page = read(files, 'evidence.html');
      for (const { id } of rows) expect(page).toContain(String(id));
      expect(
        page.match(new RegExp(`<section id="${section}">.*?</section>`, 's'))![0].match(/<article>/g) ?? [],
      ).toHaveLength(rows.length);
    }
  });

  test('has the words of a STOP with its sender, and no word of anyone means anything to a spreadsheet or a browser', async () => {
    const person = await giveSettledPerson(database.db);
    const words = '=HYPERLINK("http://x") <script>alert(1)</script> \u202e STOP';
    await database.db.insert(smsOptOuts).values({
      ...{
        at: noon,
        phone: person.phone!,
        act: 'opted_out',
        channel: 'text',
        covers: ['verification', 'updates'],
      },
      ...{ sender: '+15550001111', words, providerSid: 'SM1', recordedBy: 'inbound_webhook' },
    });
    const files = await make({ userId: person.userId });
    expect(readRows(files, 'opt-outs')).toMatchObject([
      { words, sender: '+15550001111', phone: person.phone },
    ]);
    const [head, line] = readCsv(read(files, 'opt-outs.csv'));
    expect(line![head!.indexOf('words')]).toBe(`'${words}`);
    const page = read(files, 'evidence.html');
    expect(page).not.toContain('<script');
    expect(page).toContain(
      '<bdi>=HYPERLINK(&quot;http://x&quot;) &lt;script&gt;alert(1)&lt;/script&gt; \u202e STOP</bdi>',
    );
    expect(page).toContain('Fri, Nov 20, 2026, 7:00:00 AM EST');
  });

  test('has what was agreed to before its period, marked so, and no text from before it', async () => {
    const person = await giveSettledPerson(database.db);
    await giveTexts(person);
    const files = await make({ userId: person.userId }, { from: after(noon, 600), to: asked });
    expect(readRows(files, 'messages')).toEqual([]);
    expect(readRows(files, 'consents')).toMatchObject([{ in_period: false }, { in_period: false }]);
    expect(read(files, 'evidence.html')).toContain('before the period');
    expect(readCsv(read(files, 'messages.csv'))).toHaveLength(1);
  });

  test('has nothing of anyone else, nor of what happened after it was asked for', async () => {
    const [person, other] = [await giveSettledPerson(database.db), await giveSettledPerson(database.db)];
    await giveTexts(other);
    await giveRefusals(other);
    await giveTexts(person);
    await database.db.execute(
      sql`update sms_messages set created_at = ${after(asked, 2).toISOString()} where user_id = ${person.userId}`,
    );
    const files = await make({ userId: person.userId }, { from: lastDay.from, to: after(asked, 99 * hour) });
    const everything = Buffer.concat([...files.values()]).toString('utf8');
    expect(everything).not.toContain(other.phone);
    expect(everything).not.toContain(other.userId);
    expect(readRows(files, 'messages')).toEqual([]);
  });

  test('has none of the words of whoever has the number after them', async () => {
    const before = await giveSettledPerson(database.db);
    const phone = before.phone!;
    await texts(phone, 'STOP says the first', after(noon, 50));
    expect(readRows(await make({ userId: before.userId }), 'opt-outs')).toHaveLength(1);
    await database.db.transaction(async (tx) => {
      await lockNumber(tx, phone);
      const moved = { userId: before.userId, phone, action: 'number_moved', actorId: null } as const;
      await displaceHolder(tx, moved, contextAt(after(noon, 100)));
    });
    const later = await giveSettledPerson(database.db, { phone, now: after(noon, 200) });
    await texts(phone, 'STOP says the next', after(noon, 300));

    const ofFirst = await make({ userId: before.userId });
    expect(readRows(ofFirst, 'opt-outs')).toEqual([]);
    expect(readAll(ofFirst)).not.toContain('says the next');
    expect(read(ofFirst, 'evidence.html')).toContain('This person held no number');
    const ofNext = await make({ userId: later.userId });
    expect(readRows(ofNext, 'opt-outs')).toMatchObject([{ words: 'STOP says the next' }]);
    expect(readRows(ofNext, 'messages').map(({ direction }) => direction)).toContain('in');
    expect(readAll(ofNext)).not.toContain('says the first');
    expect(read(ofNext, 'evidence.html')).toContain('may be the words of someone else');
    const ofNumber = readAll(await make({ phone }));
    expect(ofNumber).toContain('says the first');
    expect(ofNumber).toContain('says the next');
  });

  test('has nothing from a number that they named in a form, and that someone else holds', async () => {
    const owner = await giveSettledPerson(database.db);
    const phone = owner.phone!;
    await texts(phone, 'STOP says the owner', after(noon, 50));
    const stranger = await giveSettledPerson(database.db, { phone: null });
    const consent = {
      userId: stranger.userId,
      phone,
      scopes: ['verification'] as const,
      medium: 'registration',
    } as const;
    await database.db.transaction((tx) => grantConsent(tx, consent, contextAt(after(noon, 100))));
    const files = await make({ userId: stranger.userId });
    expect(readRows(files, 'consents')).toHaveLength(1);
    expect(readAll(files)).not.toContain('says the owner');
  });

  test('has of refusals that many had a part in only their own', async () => {
    const person = await giveSettledPerson(database.db);
    const moment = after(noon, 30);
    await database.db.insert(smsVerificationLog).values({
      ...{
        at: noon,
        lastAt: after(noon, 60),
        event: 'send_refused',
        reason: 'send_limit',
        phone: person.phone,
        times: 9,
      },
      accounts: {
        [person.userId]: [2, moment.getTime()],
        'b6a6a6a0-0000-4000-8000-000000000001': [7, after(noon, 60).getTime()],
      },
      details: { limit: 'theirs' },
    });
    const files = await make({ userId: person.userId });
    expect(readRows(files, 'limits')).toMatchObject([
      { times: 2, last_at: moment.toISOString(), details: null },
    ]);
    expect(read(files, 'limits.json')).not.toContain('b6a6a6a0');
  });

  test('has no code, key or token, whatever waits or went out', async () => {
    const person = await giveSettledPerson(database.db);
    await database.db.execute(sql`
      insert into sms_messages (id, user_id, phone, purpose, template, params, status, created_at, send_after, expires_at)
      values (gen_random_uuid(), ${person.userId}, ${person.phone}, 'verification', 'verification', '{"site":"Doorstep","secret":"s3cret"}', 'queued', ${noon.toISOString()}, ${noon.toISOString()}, ${after(noon, 600).toISOString()})`);
    const files = await make({ userId: person.userId });
    const [row] = readRows(files, 'messages');
    expect(row!.text).toBe('•••••• is your Doorstep code. Don’t share it.');
    expect((row!.gates as Json[]).length).toBeGreaterThan(5);
    expect(Buffer.concat([...files.values()]).toString('utf8')).not.toContain('s3cret');
  });

  test('is the same, byte for byte, for the same rows and clock, in whatever parts it is written', async () => {
    const person = await giveSettledPerson(database.db);
    await giveTexts(person, 9);
    await giveRefusals(person, 5);
    const [small, large] = [
      await make({ userId: person.userId }, lastDay, 3),
      await make({ userId: person.userId }, lastDay, 1_000),
    ];
    for (const name of small.keys()) {
      if (/\.(json|csv)$/.test(name) && name !== 'manifest.json')
        expect(small.get(name)).toEqual(large.get(name));
    }
    const sections = (page: string) => page.slice(page.indexOf('<section'), page.indexOf('<footer'));
    expect(sections(read(small, 'evidence.html'))).toBe(sections(read(large, 'evidence.html')));
  });

  test.each([0, 9, 10, 11, 20])('of %i rows a section has each once', async (count) => {
    const person = await giveSettledPerson(database.db);
    if (count > 0) await giveRefusals(person, count);
    const files = await make({ userId: person.userId });
    const ids = readRows(files, 'limits').map(({ id }) => id);
    expect(ids).toHaveLength(count);
    expect(new Set(ids).size).toBe(count);
  });

  test('says in its manifest what it is, and for whom and by whom it was made', async () => {
    const person = await giveSettledPerson(database.db);
    const files = await make({ userId: person.userId });
    expect(JSON.parse(read(files, 'manifest.json'))).toMatchObject({
      format: 'doorstep-evidence/1',
      about: {
        kind: 'person',
        person: { id: person.userId, name: person.name, email: person.email },
        numbers: [person.phone],
      },
      period: {
        from: lastDay.from.toISOString(),
        to: lastDay.to.toISOString(),
        time_zone: 'America/New_York',
      },
      made_by: { name: admin.name },
      software: { name: 'doorstep', version: expect.any(String) as string },
      files: expect.arrayContaining([expect.objectContaining({ name: 'consents.json', rows: 2 })]) as unknown,
    });
  });

  test('with moments that are no moments is written nonetheless', async () => {
    const person = await giveSettledPerson(database.db);
    await giveTexts(person);
    await database.db.execute(
      sql`update sms_messages set sent_at = 'infinity', failed_at = '290000-01-01Z', price = 'NaN', details = '[1]'`,
    );
    expect(readRows(await make({ userId: person.userId }), 'messages')).toHaveLength(4);
  });
});

describe('a pack of a number', () => {
  test('finds what a deleted account left by the keyed mark of the number, under an older secret as well, and nothing that was erased', async () => {
    const person = await giveSettledPerson(database.db);
    await giveTexts(person, 3);
    await giveRefusals(person, 2);
    await erase(person, after(noon, 300));
    expect(
      (await requestPack(database.db, admin, { about: { userId: person.userId }, ...lastDay }, at(1))).ok,
    ).toBe(false);

    const files = await make({ phone: person.phone! });
    const texts = readRows(files, 'messages');
    expect(texts).toHaveLength(12);
    expect(
      texts.every(
        (row) => row.phone === null && row.phone_mark === markNumber(person.phone!) && row.user_id === null,
      ),
    ).toBe(true);
    expect(readRows(files, 'limits')).toHaveLength(2);
    expect(readRows(files, 'limits').every((row) => row.address === null)).toBe(true);
    const consents = readRows(files, 'consents');
    expect(consents.map(({ action, medium }) => [action, medium])).toEqual([
      ...[
        ['granted', 'registration'],
        ['granted', 'registration'],
      ],
      ...[
        ['withdrawn', 'account_deleted'],
        ['withdrawn', 'account_deleted'],
      ],
    ]);
    expect(consents.every((row) => row.user_id === person.userId && row.address === null)).toBe(true);
    const everything = Buffer.concat([...files.values()]).toString('utf8');
    expect(everything).not.toContain(person.email);

    const old = markNumber(person.phone!, 'an older secret of thirty-two bytes at least');
    await database.db.execute(sql`update sms_messages set phone_mark = ${old}`);
    expect(readRows(await make({ phone: person.phone! }), 'messages')).toEqual([]);
  });

  test('of which nobody has heard is empty, and says so', async () => {
    const files = await make({ phone: newPhone() });
    expect(readRows(files, 'messages')).toEqual([]);
    expect(read(files, 'evidence.html')).toContain('Nobody agreed to texts.');
  });
});

describe('while it is written', () => {
  test('four processes at the same instant, over and over, write it once', async () => {
    const person = await giveSettledPerson(database.db);
    await giveRefusals(person, 35);
    const id = await request({ userId: person.userId });
    for (let round = 0; round < 14; round += 1) {
      await Promise.all([write(2 + round), write(2 + round), write(2 + round), write(2 + round)]);
    }
    expect(faults).toEqual([]);
    const files = await unzip(await downloadPack(database.db, admin, id, at(60)));
    expect(readRows(files, 'limits')).toHaveLength(35);
  });

  test.each([1, 4, 7])(
    'who takes it and is killed after %i parts holds it for a minute, then another goes on',
    async (parts) => {
      const person = await giveSettledPerson(database.db);
      await giveRefusals(person, 35);
      const id = await request({ userId: person.userId });
      for (let second = 2; second < 2 + parts; second += 1) await write(second);
      // The lease is taken, and then nothing more happens.
      const dead = after(asked, 60 + 20);
      await database.db.execute(sql`update export_jobs set next_at = ${dead.toISOString()} where id = ${id}`);
      if (parts === 7)
        await database.db.execute(
          sql`insert into export_parts (job_id, part, data) values (${id}, 1, 'half')`,
        );
      expect(await write(40)).toBe(false);
      for (let second = 81; await write(second); second += 1);
      const files = await unzip(await downloadPack(database.db, admin, id, at(100)));
      expect(readRows(files, 'limits').map(({ id: row }) => row)).toHaveLength(35);
      expect(new Set(readRows(files, 'limits').map(({ id: row }) => row)).size).toBe(35);
      expect(faults).toEqual([]);
    },
  );

  test('whoever lost it writes nothing more, and spoils nothing', async () => {
    const person = await giveSettledPerson(database.db);
    await giveRefusals(person, 35);
    const id = await request({ userId: person.userId });
    // Each round one begins, and another takes the job from it while it reads.
    for (let second = 2; second < 200; second += 2) {
      const slow = write(second);
      await database.db.execute(
        sql`update export_jobs set next_at = ${after(asked, second).toISOString()} where state = 'writing'`,
      );
      await Promise.all([slow, write(second + 1)]);
    }
    expect(faults).toEqual([]);
    expect(readRows(await unzip(await downloadPack(database.db, admin, id, at(300))), 'limits')).toHaveLength(
      35,
    );
    expect(await countPieces()).toMatchObject({ pieces: 0 });
  });

  test('one that is removed meanwhile is gone, and nothing is left of it', async () => {
    const person = await giveSettledPerson(database.db);
    await giveRefusals(person, 35);
    const id = await request({ userId: person.userId });
    await write(2);
    const writing = write(3);
    expect(await removeExport(database.db, admin, id, at(3))).toBe(true);
    await writing;
    expect(await write(4)).toBe(false);
    expect(await countPieces()).toMatchObject({ pieces: 0 });
    expect(faults).toEqual([]);
  });

  test('of more rows than a pack may have it ends so, and keeps none of them', async () => {
    const person = await giveSettledPerson(database.db);
    await giveRefusals(person, 35);
    await request({ userId: person.userId });
    for (let second = 2; await write(second, 10, 30); second += 1);
    expect((await readPacksPage(database.db, { person: null, phoneId: null })).packs).toMatchObject([
      { state: 'too_large' },
    ]);
    expect(await countPieces()).toMatchObject({ pieces: 0 });
  });

  test.each([1, 3, 5])(
    'an account that is deleted after part %i ends its pack, which keeps nothing, not even whom it was about',
    async (parts) => {
      const person = await giveSettledPerson(database.db);
      await giveTexts(person, 3);
      const id = await request({ userId: person.userId });
      for (let second = 2; second < 2 + parts; second += 1) await write(second);
      await erase(person, after(asked, 10));
      for (let second = 11; await write(second); second += 1);
      expect((await readPacksPage(database.db, { person: null, phoneId: null })).packs).toMatchObject([
        { state: 'subject_gone', about: null },
      ]);
      expect(await openPack(database.db, admin, id, at(60))).toBeNull();
      expect(faults).toEqual([]);
      const { rows } = await database.db.execute(sql`select subject from export_jobs`);
      expect(rows).toEqual([{ subject: null }]);
      expect(await countPieces()).toEqual({ pieces: 0, parts: 0 });
    },
  );

  test('one that is written while the account is being erased, row by row, ends so, also where that is cut off', async () => {
    const person = await giveSettledPerson(database.db);
    await giveTexts(person, 3);
    const id = await request({ userId: person.userId });
    // The batch that erases the texts goes before the account, and here it comes to nothing.
    await database.pool.query(`
      create function is_cut_off() returns trigger language plpgsql as $$ begin raise exception 'cut off'; end $$;
      create trigger is_cut_off before update on sms_messages for each statement execute function is_cut_off()`);
    onTestFinished(
      async () => void (await database.pool.query('drop function if exists is_cut_off cascade')),
    );
    await expect(erase(person, after(asked, 1))).rejects.toThrow();
    await database.pool.query('drop function is_cut_off cascade');
    for (let second = 2; await write(second); second += 1);
    expect((await readPacksPage(database.db, { person: null, phoneId: null })).packs).toMatchObject([
      { id, state: 'subject_gone', about: null },
    ]);

    // Whoever erases may be at it still; a quarter of an hour later a pack has what is left.
    for (const [minutes, state] of [
      [14, 'subject_gone'],
      [16, 'done'],
    ] as const) {
      await database.pool.query('update users set deletion_begun_at = $2 where id = $1', [
        person.userId,
        after(asked, -minutes * 60),
      ]);
      const later = await request({ userId: person.userId });
      for (let second = 2; await write(second); second += 1);
      const { packs } = await readPacksPage(database.db, { person: null, phoneId: null });
      expect(packs.find((pack) => pack.id === later)).toMatchObject({ state });
    }
    expect(faults).toEqual([]);
  });

  test('a period that ends before it begins, or is still to come, is refused before anything is written', async () => {
    const { userId } = await giveSettledPerson(database.db);
    for (const period of [
      { from: lastDay.to, to: lastDay.from },
      { from: after(asked, hour), to: after(asked, 2 * hour) },
    ]) {
      await expect(requestPack(database.db, admin, { about: { userId }, ...period }, at(1))).rejects.toThrow(
        RangeError,
      );
    }
    expect(await database.db.$count(exportJobs)).toBe(0);
  });

  test('no statement removes many pieces at a time, whatever becomes of the pack', async () => {
    const person = await giveSettledPerson(database.db);
    await giveRefusals(person, 35);
    const remove = async (id: string) => void (await removeExport(database.db, admin, id, at(30)));
    for (const end of [remove, () => write(30, 10, 10), () => undefined]) {
      const id = await request({ userId: person.userId });
      await database.pool.query(
        `insert into pack_pieces select $1, 'messages.csv', n, 0, 'x' from generate_series(1001, 1100) n`,
        [id],
      );
      for (let second = 2; second < 6; second += 1) await write(second);
      await end(id);
      for (let second = 31; await write(second); second += 1);
      for (let left = await database.db.$count(packPieces); left > 0;) {
        expect(await pruneExports(database.db, after(asked, 60), 10)).toBeGreaterThanOrEqual(
          Math.min(10, left),
        );
        const now = await database.db.$count(packPieces);
        expect(left - now).toBeLessThanOrEqual(10);
        left = now;
      }
    }
    expect(faults).toEqual([]);
    const { packs } = await readPacksPage(database.db, { person: null, phoneId: null });
    expect(packs.map(({ state }) => state).sort()).toEqual(['done', 'too_large']);
  });

  test('what takes longer than a statement may is given up after five tries', async () => {
    const person = await giveSettledPerson(database.db);
    await request({ userId: person.userId });
    await database.pool.query(`
      create function is_slow() returns trigger language plpgsql as $$ begin raise exception using errcode = '57014'; end $$;
      create trigger is_slow before insert on pack_pieces for each statement execute function is_slow()`);
    onTestFinished(async () => void (await database.pool.query('drop function is_slow cascade')));
    for (let second = 2; second < 2_000; second += 10) await write(second);
    expect(faults).toHaveLength(5);
    expect((await readPacksPage(database.db, { person: null, phoneId: null })).packs).toMatchObject([
      { state: 'failed' },
    ]);
  });

  test('what cannot be read is given up after five tries', async () => {
    const person = await giveSettledPerson(database.db);
    await request({ userId: person.userId });
    await database.db.execute(sql`update export_jobs set written_to = 'nowhere@'`);
    for (let second = 2; second < 2_000; second += 10) await write(second);
    expect(faults).toHaveLength(5);
    expect((await readPacksPage(database.db, { person: null, phoneId: null })).packs).toMatchObject([
      { state: 'failed' },
    ]);
  });

  test('two admins get two packs that say the same', async () => {
    const person = await giveSettledPerson(database.db);
    await giveTexts(person, 3);
    const second = await readSessionOf(
      database.db,
      await giveSettledPerson(database.db, { role: 'admin', now: asked }),
      asked,
    );
    const about = { about: { userId: person.userId }, ...lastDay };
    const answers = await Promise.all(
      [admin, second].map((each) => requestPack(database.db, each, about, at(1))),
    );
    for (let at = 2; await write(at); at += 1);
    const packs = await Promise.all(
      answers.map(async (answer) => {
        if (!answer.ok) throw new Error(answer.reason);
        return unzip(await downloadPack(database.db, admin, answer.id, at(60)));
      }),
    );
    expect(packs[0]!.get('messages.json')).toEqual(packs[1]!.get('messages.json'));
    expect(packs[0]!.get('manifest.json')).not.toEqual(packs[1]!.get('manifest.json'));
  });
});

describe('who may', () => {
  test('an admin whose second step is ten minutes ago is asked to confirm', async () => {
    const person = await giveSettledPerson(database.db);
    const id = await request({ userId: person.userId });
    for (let second = 2; await write(second); second += 1);
    const wanted = { about: { userId: person.userId }, ...lastDay };
    expect(await requestPack(database.db, admin, wanted, at(700))).toEqual({
      ok: false,
      reason: 'confirm_first',
    });
    expect(await openPack(database.db, admin, id, at(700))).toBe('confirm_first');
  });

  test('each step is in the audit log, which names a number by its mark alone', async () => {
    const person = await giveSettledPerson(database.db);
    const id = await request({ phone: person.phone! });
    for (let second = 2; await write(second); second += 1);
    await downloadPack(database.db, admin, id, at(60));
    expect(await removeExport(database.db, admin, id, at(80))).toBe(true);
    expect(await openPack(database.db, admin, id, at(81))).toBeNull();
    expect(await openPack(database.db, admin, 'none', at(81))).toBeNull();
    const rows = await database.db.select().from(auditLog).orderBy(auditLog.id);
    const packs = rows.filter(({ action }) => action.startsWith('pack_'));
    expect(packs.map(({ action, actorId, userId }) => [action, actorId, userId])).toEqual(
      ['pack_requested', 'pack_downloaded', 'pack_removed'].map((action) => [action, admin.userId, null]),
    );
    expect(packs[0]!.details).toMatchObject({ pack: id, number: markNumber(person.phone!) });
    expect(JSON.stringify(packs)).not.toContain(person.phone!.slice(2));
  });

  test('it is kept for a day, and an export is no pack', async () => {
    const person = await giveSettledPerson(database.db);
    const id = await request({ userId: person.userId });
    for (let second = 2; await write(second); second += 1);
    await pruneExports(database.db, after(asked, 24 * hour), 100);
    expect(await database.db.$count(exportJobs)).toBe(1);
    await database.db.execute(sql`update export_jobs set kind = 'messages' where id = ${id}`);
    expect(await openPack(database.db, admin, id, at(60))).toBeNull();
    await pruneExports(database.db, after(asked, 25 * hour), 100);
    expect(await database.db.$count(exportJobs)).toBe(0);
  });

  test('the page names whom the form is about, and nobody for an id that is none', async () => {
    const person = await giveSettledPerson(database.db);
    const page = (chosen: { person?: string; phoneId?: string }) =>
      readPacksPage(database.db, { person: null, phoneId: null, ...chosen });
    expect((await page({ person: person.userId })).chosen).toMatchObject({
      kind: 'person',
      name: person.name,
    });
    expect((await page({ phoneId: sealPhoneId(person.phone!) })).chosen).toMatchObject({ kind: 'number' });
    for (const odd of ['', 'x', '00000000-0000-0000-0000-000000000000']) {
      expect((await page({ person: odd })).chosen).toBeNull();
      expect((await page({ phoneId: odd })).chosen).toBeNull();
    }
    await request({ userId: person.userId });
    expect((await page({})).packs).toMatchObject([{ state: 'writing', about: { name: person.name } }]);
  });
});

/** What nobody holds any more is not counted, so that only what is kept is. */
setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('a person with very many texts is written in a memory that does not grow with them', async () => {
  const person = await giveSettledPerson(database.db);
  await giveTexts(person, 3_000);
  const id = await request({ userId: person.userId });
  const kept: number[] = [];
  let statements = 0;
  const logQuery = () => {
    statements += 1;
    if (statements % 8 !== 0) return;
    // Buffers are given back while the next round goes on.
    for (let rounds = 0; rounds < 3; rounds += 1) collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    kept.push(heapUsed + arrayBuffers);
  };
  const watched = drizzle(database.pool, { logger: { logQuery } });
  for (let second = 2; await write(second, 250, 100_000, watched); second += 1);
  expect(faults).toEqual([]);
  const { rows } = await database.db.execute<{ rows: string }>(
    sql`select rows from export_jobs where id = ${id}`,
  );
  expect(Number(rows[0]!.rows)).toBe(12_002);
  const third = Math.floor(kept.length / 3);
  const [first, last] = [Math.max(...kept.slice(0, third)), Math.max(...kept.slice(-third))];
  // All of it in memory would be some 40 MB more.
  expect(last - first).toBeLessThan(15_000_000);
}, 300_000);
