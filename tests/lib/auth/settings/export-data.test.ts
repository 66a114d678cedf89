import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { PoolClient, QueryResult } from 'pg';
import { describe, expect, test } from 'vitest';
import { answerExport, readRefusedMark } from '@/app/export-answer';
import { HEAD as headOfData } from '@/app/users/account/export/route';
import { HEAD as headOfRecord } from '@/app/users/sms-preferences/record/download/route';
import { readActivity } from '@/lib/auth/settings/activity';
import { endOne, endOthers } from '@/lib/auth/sign-in/end-sessions';
import { exportData, exportPageRows, exportRecord, readExportRetry } from '@/lib/auth/settings/export-data';
import { listSessions } from '@/lib/accounts/sessions';
import { trustDevice } from '@/lib/accounts/trusted-devices';
import { newId } from '@/lib/random';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { turnTextsOff } from '@/lib/sms/preferences/text-switches';
import { startPhoneChange } from '@/lib/sms/verification/change-phone';
import { endTurn, keepTurn, takeTurn } from '@/lib/turns';
import { recordStatements, useDatabase } from '@/tests/support/database';
import { giveRecoveryCodes, giveTotp } from '@/tests/support/factors';
import { after, contextAt, newPhone, noon, readCode, readUserRow } from '@/tests/support/people';
import { readExport } from '@/tests/support/read-export';
import {
  enterCode,
  giveSettledPerson,
  openSession,
  readSessionOf,
  type SettledPerson,
} from '@/tests/support/settled-person';

const database = useDatabase();
const asked = {
  name: 'data',
  now: noon,
  timeZone: null,
  page: '/offers',
  accepts: '*/*',
  signal: new AbortController().signal,
};
const turnOf = 'select from rate_limits where key = $1';

test('an export holds the whole timeline of an application, however long, each event once and oldest first', async () => {
  const person = await giveSettledPerson(database.db, { phone: null });
  const id = newId();
  const many = 2 * exportPageRows + 3;
  await database.pool.query(
    `insert into applications (id, applicant_id, title, message, status, created_at, moved_at)
     values ($1, $2, 'A home', '-', 'documents_needed', $3, $3)`,
    [id, person.userId, noon],
  );
  await database.pool.query(
    `insert into application_events (application_id, at, kind, actor_id, actor_role, note, shows_at)
     select $1, $3, 'answered', $2, 'applicant', n::text, $3 from generate_series(1, $4::int) n`,
    [id, person.userId, noon, many],
  );
  const data = await readExport(database.db, person.userId, contextAt(after(noon, 60)));
  const [application] = data!.applications;
  expect((application!.timeline as { note: string }[]).map(({ note }) => note)).toEqual(
    Array.from({ length: many }, (_, index) => String(index + 1)),
  );
});

test('no piece of an export has more than a page of a timeline, however long it is, nor however many there are', async () => {
  const person = await giveSettledPerson(database.db, { phone: null });
  const [ofMany, note] = [3 * exportPageRows, '😀'.repeat(50)];
  await database.pool.query(
    `with written as (
       insert into applications (id, applicant_id, title, message, status, created_at, moved_at)
       select gen_random_uuid(), $1, 'A home', '-', 'submitted', $2, $2 from generate_series(1, 3) returning id)
     insert into application_events (application_id, at, kind, actor_role, note, shows_at)
     select id, $2, 'noted', 'staff', $3, $2 from written, generate_series(1, $4::int) n`,
    [person.userId, noon, note, ofMany],
  );
  const exported = await exportData(database.db, person.userId, contextAt(after(noon, 60)));
  let [notes, most, text] = [0, 0, ''];
  for await (const chunk of exported.ok ? exported.chunks : []) {
    const count = chunk.split(note).length - 1;
    [notes, most, text] = [notes + count, Math.max(most, count), text + chunk];
  }
  expect([notes, most]).toEqual([3 * ofMany, exportPageRows]);
  const { applications } = JSON.parse(text) as { applications: { timeline: unknown[] }[] };
  expect(applications.map(({ timeline }) => timeline.length)).toEqual([ofMany, ofMany, ofMany]);
});

test('an export holds everything about the person, and nothing that opens anything', async () => {
  const person = await giveSettledPerson(database.db);
  const old = person.phone!;
  const next = newPhone();
  await startPhoneChange(database.db, person, next, contextAt(noon));
  const code = await readCode(database.db, person.userId);
  await enterCode(database.db, person, after(noon, 60));
  const data = await readExport(database.db, person.userId, contextAt(after(noon, 120)));
  expect(data).toMatchObject({
    account: { email: person.email, name: person.name, role: 'applicant' },
    phone: { number: next, state: 'verified', stopped: null, doubt: null },
    preferences: { enabled: true, timeZone: 'America/New_York' },
  });
  expect(data!.consents.map(({ action, phone }) => `${action} ${phone}`).sort()).toEqual(
    [
      `granted ${next}`,
      `granted ${next}`,
      `granted ${old}`,
      `granted ${old}`,
      `withdrawn ${old}`,
      `withdrawn ${old}`,
    ].sort(),
  );
  expect(data!.texts.map((text) => text.template).sort()).toEqual([
    'optInConfirmation',
    'phoneChanged',
    'verification',
  ]);
  expect(data!.verifications.map((entry) => entry.event)).toEqual(['verified', 'send_requested']);
  expect(data!.activity.map((entry) => entry.action)).toContain('phone_changed');
  expect(data!.sessions).toHaveLength(1);

  const file = JSON.stringify(data);
  const user = await readUserRow(database.db, person.userId);
  for (const secret of [code, user!.passwordHash, person.sessionId, 'nonce', 'tokenHash']) {
    expect(file).not.toContain(secret);
  }
});

test('an export says which second factors there are, and holds no key or code of them', async () => {
  const person = await giveSettledPerson(database.db, { phone: null });
  const { userId } = person;
  const key = await giveTotp(database.db, person, after(noon, 5));
  const user = await readSessionOf(database.db, person, after(noon, 6));
  const codes = await giveRecoveryCodes(database.db, user, after(noon, 6));
  const cookie = await database.db.transaction((tx) => trustDevice(tx, userId, contextAt(after(noon, 7))));
  await database.pool.query(
    `insert into passkeys (id, user_id, credential_id, public_key, counter, transports, name, backed_up, created_at)
     values ($1, $2, 'credential-of-it', 'public-key-of-it', 0, '{}', 'Laptop', false, $3)`,
    [newId(), userId, noon],
  );
  const data = await readExport(database.db, userId, contextAt(after(noon, 10)));
  const secondFactors = {
    passkeys: [{ name: 'Laptop', createdAt: noon.toISOString(), lastUsedAt: null }],
    authenticatorApp: { confirmedAt: after(noon, 5).toISOString(), lastUsedAt: after(noon, 5).toISOString() },
    codesByTextSince: null,
    recoveryCodesLeft: 10,
    trustedBrowsers: [{ createdAt: after(noon, 7).toISOString(), userAgent: 'test' }],
  };
  expect(data).toMatchObject({ secondFactors });
  const file = JSON.stringify(data);
  const secrets = [key, ...codes, ...cookie.split('.'), 'credential-of-it', 'public-key-of-it'];
  for (const secret of secrets) expect(file).not.toContain(secret);
});

test('an export has the opt-outs of the number since the person has held it, and what they turned off themselves', async () => {
  const phone = newPhone();
  const say = (now: Date) => database.db.transaction((tx) => optOut(tx, { phone, by: 'sms_stop', now }));
  const found = (now: Date) =>
    database.db.transaction((tx) =>
      optOut(tx, { phone, by: 'sms_stop', now, late: { saidAt: after(noon, -60), agreedBefore: noon } }),
    );
  await say(after(noon, -3600));
  const person = await giveSettledPerson(database.db, { phone });
  const stranger = await giveSettledPerson(database.db);
  await turnTextsOff(database.db, person, contextAt(after(noon, 10)));
  await turnTextsOff(database.db, stranger, contextAt(after(noon, 10)));
  await say(after(noon, 60));
  await found(after(noon, 90));
  const data = await readExport(database.db, person.userId, contextAt(after(noon, 120)));
  expect(data!.optOuts).toMatchObject([
    { act: 'opted_out', channel: 'text', at: after(noon, 60).toISOString() },
    { act: 'opted_out', channel: 'web', at: after(noon, 10).toISOString(), covers: ['updates'] },
  ]);
});

test('nobody sees another’s data or activity', async () => {
  const person = await giveSettledPerson(database.db);
  const other = await giveSettledPerson(database.db);
  await startPhoneChange(database.db, other, newPhone(), contextAt(noon, '198.51.100.9'));
  const file = JSON.stringify(await readExport(database.db, person.userId, contextAt(noon)));
  expect(file).not.toContain(other.email);
  expect(file).not.toContain(other.phone!);
  expect(JSON.stringify(await readActivity(database.db, person.userId, 50))).not.toContain('198.51.100.9');
});

test('someone who loses a number to another does not learn the other’s address', async () => {
  const holder = await giveSettledPerson(database.db);
  const prover = await giveSettledPerson(database.db, { phone: null });
  await startPhoneChange(database.db, prover, holder.phone!, contextAt(noon));
  expect(await enterCode(database.db, prover, after(noon, 60))).toMatchObject({ ok: true });
  const [latest] = await readActivity(database.db, holder.userId, 10);
  expect(latest).toMatchObject({ what: 'number_moved', address: null, userAgent: null });
  const data = await readExport(database.db, holder.userId, contextAt(after(noon, 90)));
  expect(data!.activity.find((entry) => entry.action === 'number_moved')).toMatchObject({ address: null });
});

test('one session or all others end, and nobody ends another’s', async () => {
  const person = await giveSettledPerson(database.db);
  const other = await giveSettledPerson(database.db);
  const second = await openSession(database.db, person.userId, noon);
  await openSession(database.db, person.userId, noon);
  await endOne(database.db, person, other.sessionId, contextAt(noon));
  await endOne(database.db, person, 'no session', contextAt(noon));
  expect(await listSessions(database.db, other.userId, noon)).toHaveLength(1);
  await endOne(database.db, person, second.sessionId, contextAt(noon));
  expect(await listSessions(database.db, person.userId, noon)).toHaveLength(2);
  await endOthers(database.db, person, contextAt(noon));
  expect((await listSessions(database.db, person.userId, noon)).map((row) => row.id)).toEqual([
    person.sessionId,
  ]);
});

describe('an export of very much', () => {
  const rows = 3_000;

  async function giveAPast(): Promise<SettledPerson> {
    const person = await giveSettledPerson(database.db);
    const at = `$2::timestamptz + interval '1 millisecond' * n + interval '1 microsecond' * (n % 3)`;
    for (const insert of [
      `sms_messages (id, user_id, phone, purpose, template, params, created_at, send_after, status)
        select gen_random_uuid(), $1, '+15550001111', 'update', 'applicationStatus', '{}', ${at}, $2, 'delivered'`,
      `sms_messages (id, phone, purpose, template, created_at, send_after, status)
        select gen_random_uuid(), (select phone from users where id = $1), 'reply', 'help', ${at}, $2, 'delivered'`,
      `sms_verification_log (at, event, user_id) select ${at}, 'wrong_code', $1::uuid`,
      `audit_log (at, action, user_id) select $2::timestamptz, 'signed_in', $1::uuid`,
      `sms_opt_outs (at, phone, act, channel, covers, recorded_by)
        select ${at}, (select phone from users where id = $1), 'opted_out', 'text', '{updates}', 'inbound_webhook'`,
      `sms_consents (at, user_id, phone, scope, action, medium, sender)
        select ${at}, $1, '+15550001111', 'updates', 'withdrawn', 'preferences', ''`,
    ]) {
      await database.pool.query(`insert into ${insert} from generate_series(1, ${rows}) n`, [
        person.userId,
        after(noon, 60),
      ]);
    }
    return person;
  }

  test('reads no more than a page of rows at once, and misses and repeats none', async () => {
    const person = await giveAPast();
    const sizes: number[] = [];
    const client = await database.pool.connect();
    const query = client.query.bind(client);
    client.query = (async (...args: Parameters<typeof query>) => {
      const result = (await Reflect.apply(query, client, args)) as unknown as QueryResult;
      sizes.push(result.rows.length);
      return result;
    }) as unknown as PoolClient['query'];
    let file = '';
    let longest = 0;
    const exported = await exportData(drizzle(client), person.userId, contextAt(after(noon, 3600)));
    if (!exported.ok) throw new Error(exported.reason);
    for await (const chunk of exported.chunks) {
      longest = Math.max(longest, chunk.length);
      file += chunk;
    }
    client.query = query;
    client.release();
    expect(sizes.length).toBeGreaterThan((5 * rows) / exportPageRows);
    expect(Math.max(...sizes)).toBe(exportPageRows);
    expect(longest).toBeLessThan(file.length / 10);
    const data = JSON.parse(file) as Record<string, { id?: string }[]>;
    expect(data.texts).toHaveLength(2 * rows);
    expect(new Set(data.texts!.map(({ id }) => id)).size).toBe(2 * rows);
    expect(data.verifications).toHaveLength(rows);
    expect(data.activity!.length).toBeGreaterThanOrEqual(rows + 1);
    expect(new Set(data.consents!.map(({ id }) => id)).size).toBe(rows + 2);
  });

  test('that is written while rows are added misses and repeats none of those that were there', async () => {
    const person = await giveAPast();
    const exported = await exportData(database.db, person.userId, contextAt(after(noon, 3600)));
    if (!exported.ok) throw new Error(exported.reason);
    let file = '';
    let pieces = 0;
    for await (const chunk of exported.chunks) {
      file += chunk;
      pieces += 1;
      for (const insert of [
        `sms_messages (id, user_id, phone, purpose, template, created_at, send_after, status)
          select gen_random_uuid(), $1, '+15550001111', 'update', 'later', $2, $2, 'delivered'`,
        `sms_verification_log (at, event, reason, user_id) select $2::timestamptz, 'wrong_code', 'later', $1::uuid`,
        `audit_log (at, action, user_id) select $2::timestamptz, 'signed_out', $1::uuid`,
      ]) {
        await database.pool.query(`insert into ${insert}`, [person.userId, after(noon, 4000 + pieces)]);
      }
    }
    const data = JSON.parse(file) as Record<string, Record<string, unknown>[]>;
    const texts = data.texts!.filter(({ template }) => template !== 'later');
    expect([texts.length, new Set(texts.map(({ id }) => id)).size]).toEqual([2 * rows, 2 * rows]);
    expect(data.verifications!.filter(({ reason }) => reason !== 'later')).toHaveLength(rows);
    expect(data.activity!.filter(({ action }) => action === 'signed_in')).toHaveLength(rows);
  });

  test('is read from the database no faster than it is taken', async () => {
    const person = await giveAPast();
    const exported = await exportData(database.db, person.userId, contextAt(after(noon, 3600)));
    const reader = answerExport(exported, asked).body!.getReader();
    const statements = await recordStatements(database.pool, async () => {
      await reader.read();
      await reader.read();
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
    expect(statements).toEqual([]);
    const next = await recordStatements(database.pool, async () => {
      await reader.read();
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
    expect(next).toHaveLength(1);
    await reader.cancel();
  });
});

describe('one file a person at a time', () => {
  const start = (userId: string) => exportData(database.db, userId, contextAt(noon));

  test('a second one is refused in words until the first has ended', async () => {
    const person = await giveSettledPerson(database.db);
    const first = await start(person.userId);
    const second = await start(person.userId);
    expect(second).toEqual({ ok: false, reason: 'under_way' });
    const answer = answerExport(second, asked);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '60']);
    expect(await answer.text()).toContain('already being downloaded');
    expect(await exportRecord(database.db, person.userId, contextAt(noon))).toMatchObject({ ok: false });
    const other = await giveSettledPerson(database.db);
    expect(await readExport(database.db, other.userId, contextAt(noon))).not.toBeNull();
    const file = await answerExport(first, asked).text();
    expect(JSON.parse(file)).toMatchObject({ account: { email: person.email } });
    expect(await readExport(database.db, person.userId, contextAt(noon))).not.toBeNull();
  });

  test('records count with the other changes of an hour, thirty at most', async () => {
    const { userId } = await giveSettledPerson(database.db);
    for (let n = 0; n < 30; n += 1) {
      const record = await exportRecord(database.db, userId, contextAt(noon));
      await answerExport(record, asked).text();
      expect(record.ok).toBe(true);
    }
    expect(await exportRecord(database.db, userId, contextAt(noon))).toMatchObject({
      reason: 'too_many_changes',
    });
  });

  test('one that fails before its first piece leaves the turn to the next', async () => {
    const { userId } = await giveSettledPerson(database.db);
    await database.db.execute(sql`alter table sms_preferences rename to away`);
    await expect(exportData(database.db, userId, contextAt(noon))).rejects.toThrow();
    await database.db.execute(sql`alter table away rename to sms_preferences`);
    const again = await exportData(database.db, userId, contextAt(noon));
    expect(again.ok).toBe(true);
    if (again.ok) await again.chunks.return();
  });

  test('a question for the headers alone takes no turn', async () => {
    for (const HEAD of [headOfData, headOfRecord]) {
      expect([HEAD().status, HEAD().headers.get('allow')]).toEqual([405, 'GET']);
    }
  });

  test('of many asked for at the same instant one is given', async () => {
    const { userId } = await giveSettledPerson(database.db);
    const answers = await Promise.all(Array.from({ length: 20 }, () => start(userId)));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
  });

  test('a browser that goes away frees the turn, and a process that dies does after a minute', async () => {
    const { userId } = await giveSettledPerson(database.db);
    const reader = answerExport(await start(userId), asked).body!.getReader();
    await reader.read();
    await reader.cancel();
    // One that asked for the head of the answer alone, or was gone before it came.
    await answerExport(await start(userId), asked).body!.cancel();
    const dying = await start(userId);
    expect(dying).toMatchObject({ ok: true });
    expect(await start(userId)).toMatchObject({ ok: false });
    await database.pool.query(`update rate_limits set empty_at = clock_timestamp() where key like 'turn_%'`);
    expect(await start(userId)).toMatchObject({ ok: true });
  });

  test('a browser that goes away before the file is begun frees the turn at once', async () => {
    const { userId } = await giveSettledPerson(database.db);
    for (const when of ['before the answer', 'after it'] as const) {
      const gone = new AbortController();
      const file = await start(userId);
      if (when === 'before the answer') gone.abort();
      // Nobody reads it, and nobody cancels it.
      answerExport(file, { ...asked, signal: gone.signal });
      gone.abort();
      await expect
        .poll(async () => (await database.pool.query(turnOf, [`turn:export:${userId}`])).rowCount)
        .toBe(0);
    }
    const ended = new AbortController();
    const answer = answerExport(await start(userId), { ...asked, signal: ended.signal });
    expect(JSON.parse(await answer.text())).toMatchObject({ account: { id: userId } });
    const next = await start(userId);
    // The turn of a file that has ended is not the next one's.
    ended.abort();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await start(userId)).toEqual({ ok: false, reason: 'under_way' });
    if (next.ok) await next.chunks.return();
  });

  test('after thirty in an hour the next is refused in words that say when it is allowed', async () => {
    const retryAt = after(noon, 90 * 60);
    const answer = answerExport({ ok: false, reason: 'too_many_changes', retryAt }, asked);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '5400']);
    expect(await answer.text()).toContain('You can download it again in 90 minutes.');
  });

  test('the page that a browser is led back to knows the reason again, and from when on the data may be had', async () => {
    const { userId } = await giveSettledPerson(database.db);
    const retryAt = after(noon, 90 * 60);
    const locationOf = (refusal: Parameters<typeof answerExport>[0]) =>
      answerExport(refusal, { ...asked, accepts: 'text/html' }).headers.get('location')!;
    for (const refusal of [
      { ok: false, reason: 'under_way' },
      { ok: false, reason: 'recovered_lately', retryAt },
      { ok: false, reason: 'too_many_changes', retryAt },
    ] as const) {
      const { pathname, searchParams } = new URL(locationOf(refusal), 'http://localhost');
      expect(pathname).toBe('/offers');
      expect(readRefusedMark(searchParams.get('refused')!)).toBe(refusal.reason);
    }
    expect(locationOf({ ok: false, reason: 'gone' })).toBe('/offers');
    for (const odd of ['', 'anything', 'toString', ['many'], undefined]) {
      expect(readRefusedMark(odd)).toBeNull();
    }

    const user = { userId, recoveredAt: noon };
    const readAt = (reason: Parameters<typeof readExportRetry>[2], now: Date) =>
      readExportRetry(database.db, user, reason, now);
    expect(await readAt('recovered_lately', after(noon, 60))).toEqual(after(noon, 72 * 3600));
    expect(await readAt('recovered_lately', after(noon, 72 * 3600))).toBeNull();
    expect(await readAt('too_many_changes', noon)).toBeNull();
    for (let n = 0; n < 30; n += 1) {
      const record = await exportRecord(database.db, userId, contextAt(noon));
      if (record.ok) await record.chunks.return();
    }
    expect(await readAt('too_many_changes', after(noon, 60))).toEqual(after(noon, 3600));
    expect(await readAt('too_many_changes', after(noon, 3600))).toBeNull();
    expect(await readAt('under_way', noon)).toBeNull();
  });

  test('one that rested for long goes on, unless another began meanwhile', async () => {
    const { db } = database;
    const turn = (await takeTurn(db, 'export', 'someone'))!;
    await database.pool.query(`delete from rate_limits where key = $1`, [turn.key]);
    const kept = (await keepTurn(db, turn))!;
    expect(kept).not.toBeNull();
    await database.pool.query(`delete from rate_limits where key = $1`, [turn.key]);
    const next = await takeTurn(db, 'export', 'someone');
    expect(await keepTurn(db, kept)).toBeNull();
    await endTurn(db, kept);
    expect(await takeTurn(db, 'export', 'someone')).toBeNull();
    await endTurn(db, next!);
    expect(await takeTurn(db, 'export', 'someone')).not.toBeNull();
    // As a clock two days ahead left it.
    await database.pool.query(`update rate_limits set empty_at = now() + interval '2 days' where key = $1`, [
      turn.key,
    ]);
    expect(await takeTurn(db, 'export', 'someone')).not.toBeNull();
    expect(await takeTurn(db, 'export', 'someone')).toBeNull();
  });
});
