import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { beforeAll, describe, expect, test } from 'vitest';
import { sayLife } from '@/app/admin/messages/[id]/life-words';
import { sayAnswer, sayGate, sayQuestion } from '@/app/admin/messages/why-words';
import { sayAttempt, sayPrice, sayStatus, sayTemplate, sayWhy } from '@/app/admin/messages/message-words';
import { sayMyEvent } from '@/app/_format/application-words';
import { sayUsd } from '@/app/_format/say-usd';
import { sayExportKind, sayExportState } from '@/app/admin/exports/export-words';
import { sayMeanwhile } from '@/app/staff/applications/[id]/say-meanwhile';
import { sayEvent, sayNews, sayNoticeKind } from '@/app/staff/applications/words';
import { listFigures, makeTable, tableNames } from '@/app/admin/report-tables';
import { sayActivity } from '@/app/users/security/activity-words';
import { nameDevice } from '@/app/users/security/device-words';
import { describeReceipt, describeTestText, describeText } from '@/app/users/sms-preferences/record-words';
import { sayTextState } from '@/app/users/verify-phone/text-words';
import { EventList } from '@/components/ui/lists/EventList';
import { readSession } from '@/lib/accounts/sessions';
import { readActivity } from '@/lib/auth/settings/activity';
import { listReceipts } from '@/lib/consent/receipts';
import { readPersonSms } from '@/lib/reporting/person-sms';
import { listProtectedProofs } from '@/lib/reporting/protected-numbers';
import { readMessagePage } from '@/lib/reporting/message-page';
import { readMessagesPage } from '@/lib/reporting/messages-page';
import { env } from '@/lib/env';
import { addDays, dayOf } from '@/lib/reporting/rollups/report-days';
import { readReport } from '@/lib/reporting/rollups/report';
import { readVerificationsPage } from '@/lib/reporting/verifications-page';
import { readHandsets, readThread } from '@/lib/sms/inbound/dev-phone';
import { listTexts } from '@/lib/sms/outbox/history';
import { formatPhone, maskPhone } from '@/lib/phone/parse';
import { readVerificationState } from '@/lib/sms/verification/state';
import { useDatabase } from '../support/database';
import { after, contextAt, givePending, newPhone, noon } from '../support/people';
import { readExport } from '../support/read-export';
import { giveSettledPerson, type SettledPerson } from '../support/settled-person';

// What reads a row must bear what an earlier version wrote there: names that are unknown by now, some of which every
// object has something for, and details of another shape.
const database = useDatabase();
const names = ['constructor', 'toString', '__proto__', 'hasOwnProperty', 'a_name_of_old', ''];
const shapes = ['null', '[]', '"text"', '7', '{"reason": 7}', '{"__proto__": {"reason": "x"}}', '{}'];
const soon = after(noon, 3600);

let person: SettledPerson;

beforeAll(async () => {
  person = await giveSettledPerson(database.db);
  const { userId, phone } = person;
  for (const name of names) {
    for (const shape of shapes) {
      await database.db.execute(sql`
        insert into audit_log (at, action, user_id, details) values (${noon}, ${name}, ${userId}, ${shape}::jsonb)`);
      await database.db.execute(sql`
        insert into sms_verification_log (at, event, reason, phone, user_id, user_agent, details)
        values (${noon}, ${name}, ${name}, ${name}, ${userId}, ${name}, ${shape}::jsonb)`);
      await database.db.execute(sql`
        insert into sms_messages (id, user_id, phone, purpose, template, params, created_at, send_after, sent_at, status,
          reason, error_code, details, segments, price, provider_status)
        values (${randomUUID()}, ${userId}, ${phone}, ${name}, ${name}, ${shape}::jsonb, ${noon}, ${noon}, ${noon},
          ${['failed', 'queued', 'canceled'][shape.length % 3]}, ${name}, 2147483647, ${shape}::jsonb, -1, 'NaN', ${name})`);
    }
    await database.db.execute(sql`
      insert into sms_consents (at, user_id, phone, scope, action, medium, sender)
      values (${noon}, ${userId}, ${name}, 'updates', 'withdrawn', ${name}, '')`);
  }
  for (const template of ['verification', 'applicationStatus', 'securityNotice', 'help', 'phoneChanged']) {
    for (const shape of shapes) {
      for (const purpose of ['verification', 'update', 'inbound']) {
        await database.db.execute(sql`
          insert into sms_messages (id, user_id, phone, purpose, template, params, created_at, send_after, sent_at, status)
          values (${randomUUID()}, ${userId}, ${phone}, ${purpose}, ${template}, ${shape}::jsonb, ${noon}, ${noon},
            ${noon}, 'sent')`);
      }
    }
  }
  // Of a deleted account, and a text from a person of which nothing is known.
  await database.db.execute(sql`
    insert into sms_messages (id, phone, purpose, template, created_at, send_after, status, price)
    values (${randomUUID()}, '', 'update', 'applicationStatus', ${noon}, ${noon}, 'delivered', -0.0079)`);
  await database.db.execute(sql`
    insert into sms_messages (id, direction, phone, purpose, template, created_at, send_after, status)
    values (${randomUUID()}, 'in', ${phone}, 'inbound', '', ${noon}, ${noon}, 'received')`);
});

const clock = { timeZone: null, now: soon };

test('every text of a person is in their record, whatever its row holds', async () => {
  const texts = await listTexts(database.db, person, { limit: 1_000 });
  expect(texts).toHaveLength(names.length * shapes.length + 5 * 3 * shapes.length);
  for (const text of texts) {
    expect(text.body).not.toBe('');
    expect(text.body).not.toContain('undefined');
    renderToStaticMarkup(
      createElement('p', null, describeTestText(text, { clock, now: soon, heldUntil: soon })),
    );
  }
  const page = renderToStaticMarkup(
    createElement(EventList, { items: texts.map((text) => describeText(text, clock)), empty: '' }),
  );
  expect(page).not.toMatch(/undefined|native code|\[object/);
  expect(page).toContain('The words of this text were not kept.');
});

test('so does every consent', async () => {
  const receipts = await listReceipts(database.db, person.userId);
  const page = renderToStaticMarkup(
    createElement(EventList, {
      items: receipts.map((receipt) => describeReceipt(receipt, clock)),
      empty: '',
    }),
  );
  expect(page).not.toMatch(/undefined|native code|\[object/);
});

test('a person can take along all of their data', async () => {
  const data = await readExport(database.db, person.userId, contextAt(noon));
  expect(JSON.parse(JSON.stringify(data)).activity.length).toBeGreaterThan(names.length * shapes.length);
});

test('recent activity is said in words', async () => {
  for (const activity of await readActivity(database.db, person.userId, 500)) {
    const { words, tone, badge } = sayActivity(activity);
    expect(typeof words).toBe('string');
    for (const each of [tone, badge]) expect(['string', 'undefined']).toContain(typeof each);
    nameDevice(activity.userAgent);
  }
});

test('operators see every text and attempt', async () => {
  const everything = { subject: null, before: null };
  const { userId } = person;
  const today = dayOf(soon, env().reportTimeZone);
  const report = await readReport(database.db, { first: addDays(today, -13), last: today }, soon);
  const tables = tableNames.map((name) => makeTable(report, name));
  expect(JSON.stringify([listFigures(report, { first: today, last: today }), tables])).not.toMatch(
    /NaN|undefined|function/,
  );
  const search = { ...everything, status: null, template: null, errorCode: null };
  const { texts } = await readMessagesPage(database.db, search, userId);
  expect(texts.length).toBeGreaterThan(0);
  for (const text of texts) {
    const said = [sayTemplate(text.template), sayStatus(text.status), sayWhy(text), sayPrice(text)];
    expect(JSON.stringify(said)).not.toMatch(/undefined|function/);
  }
  const { attempts } = await readVerificationsPage(
    database.db,
    { ...everything, failuresOnly: false },
    userId,
  );
  for (const { event, reason } of attempts) {
    const { words, tone } = sayAttempt(event, reason);
    expect([typeof words, typeof tone]).toEqual(['string', 'string']);
  }
  expect(await listProtectedProofs(database.db, { holderUserId: null, now: soon })).toEqual([]);
  expect(await readPersonSms(database.db, person.email)).not.toBeNull();
});

test('operators see the page of every text', async () => {
  const { rows } = await database.db.execute<{ id: string }>(sql`select id from sms_messages`);
  for (const { id } of rows) {
    const { message } = (await readMessagePage(database.db, id, { adminId: person.userId, now: soon }))!;
    const items = message.life.map((event, index) => sayLife(event, index, message, clock));
    const page = renderToStaticMarkup(createElement(EventList, { items, empty: '' }));
    expect(page).not.toMatch(/undefined|native code|\[object/);
    for (const gate of message.gates ?? []) {
      const said = renderToStaticMarkup(createElement('p', null, sayGate(gate, message, clock)));
      expect([said, sayQuestion(gate), sayAnswer(gate, message).words].join()).not.toMatch(
        /undefined|native code/,
      );
    }
  }
});

test('the development phone shows every text', async () => {
  const { texts } = await readThread(database.db, person.phone!, soon);
  expect(texts.length).toBeGreaterThan(0);
  for (const { body } of texts) expect(body).not.toContain('undefined');
  expect(await readHandsets(database.db)).not.toEqual([]);
});

test('the code page is shown, and no odd moment hides the others', async () => {
  const phone = newPhone();
  const { userId, challengeId } = await givePending(database.db, phone);
  for (const shape of [...shapes, '{"retryAt": "soon"}', '{"retryAt": 7}']) {
    for (const reason of [...names, 'budget']) {
      await database.db.execute(sql`
        update sms_messages set status = 'failed', reason = ${reason}, details = ${shape}::jsonb
        where challenge_id = ${challengeId}`);
      const state = await readVerificationState(database.db, { userId, phone }, after(noon, 1));
      expect(state.sends.retryAt).toEqual(after(noon, 30));
      expect(typeof sayTextState(state.text, 'skip')).toBe('string');
    }
  }
});

test.each(['', 'constructor', 'x'.repeat(100_000), '\0', "' or 1=1"])(
  'a session named %# by a cookie of an earlier version is nobody’s',
  async (id) => {
    expect(await readSession(database.db, id, noon)).toBeNull();
  },
);

test.each([...names, 'texted_of_old'])(
  'whoever sees to an application reads it, though its rows say "%s"',
  (name) => {
    const words = [
      sayNews(name as never, name as never).words,
      sayNoticeKind({ kind: name as never }),
      sayEvent({ kind: name, fromStatus: name, toStatus: name, byText: false } as never),
      sayEvent({ kind: 'moved', fromStatus: name, toStatus: name, byText: false } as never),
      sayMeanwhile(
        { kind: name, status: 'approved', actorRole: 'staff', actor: null, at: noon } as never,
        null,
      ),
      sayMyEvent({ kind: name, toStatus: name, isMine: false, byText: false } as never, null),
    ];
    for (const each of words) expect(each).toMatch(/^[A-Z][^{]*$/);
  },
);

test.each(names)('admins read of an export whose row says "%s"', (name) => {
  expect(sayExportKind({ kind: name as never })).toBe(name);
  expect(sayExportState({ state: name, progress: 0, rows: 0, bytes: 0 } as never)).toBe(name);
});

describe('a price', () => {
  test.each([
    ['0.007900', '$0.0079'],
    ['0', '$0.0000'],
    ['-0.0079', '-$0.0079'],
    ['123456.123456', '$123456.123456'],
    ['NaN', 'NaN'],
  ])('of %s is written %s', (decimal, words) => {
    expect(sayUsd(decimal)).toBe(words);
  });
});

test.each(['', '+', '+1', 'constructor', '12345', '٠١٢', '\u202e+1'])('a number %j can be shown', (phone) => {
  expect(typeof formatPhone(phone)).toBe('string');
  expect(typeof maskPhone(phone)).toBe('string');
});
