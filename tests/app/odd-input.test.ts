import fc from 'fast-check';
import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import {
  linkToMessages,
  pickMessagesParameters,
  readMessagesQuery,
} from '@/app/admin/messages/messages-query';
import {
  linkToVerifications,
  pickVerificationsParameters,
  readVerificationsQuery,
} from '@/app/admin/verifications/verifications-query';
import { pickPeopleParameters, readPeopleQuery } from '@/app/admin/users/people-query';
import {
  pickApplicationsParameters,
  readApplicationsQuery,
} from '@/app/staff/applications/applications-query';
import { newApplicationInput } from '@/app/staff/applications/new/new-application-input';
import { readConsentVersion } from '@/app/_forms/consent-version';
import { readNumberParam } from '@/app/dev/phone/read-dev-phone-state';
import { answerForm, readField, readFields } from '@/app/_forms/form-answer';
import { readForm } from '@/app/_forms/read-form';
import { safePath } from '@/app/_forms/safe-path';
import { applicationPath, submissionInput } from '@/app/applications/application-input';
import { readQuietHours } from '@/app/users/sms-preferences/quiet-hours-input';
import { readCursor, readReceiptCursor } from '@/app/users/sms-preferences/record/cursor';
import { readInboundText } from '@/lib/sms/inbound/read-inbound-text';
import { readMyApplication } from '@/lib/applications/my-applications';
import { submitApplication } from '@/lib/applications/write-application';
import { readStatusReport } from '@/lib/sms/delivery/read-status-report';
import { findUser, findUserByEmail, insertUser } from '@/lib/accounts/users';
import { endOne } from '@/lib/auth/sign-in/end-sessions';
import { readRegistration } from '@/lib/auth/registration/register-input';
import { readReason } from '@/lib/auth/admin/author';
import { register } from '@/lib/auth/registration/register';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { readInbound } from '@/lib/consent/keywords';
import { currentWording } from '@/lib/consent/current-wording';
import { readApplicationPage } from '@/lib/reporting/application-page';
import { listApplications } from '@/lib/reporting/applications-list';
import { parseNumberFilter } from '@/lib/reporting/number-filter';
import {
  listPeople,
  openPeopleSearch,
  parsePeopleSearch,
  sayPeopleSearch,
  sealPeopleSearch,
} from '@/lib/reporting/people';
import { readPerson } from '@/lib/reporting/person';
import { readMessagePage } from '@/lib/reporting/message-page';
import { readPersonTexts } from '@/lib/reporting/person-texts';
import { readPhonePage } from '@/lib/reporting/phone-page';
import { findSubject, openSubject, sealSubject } from '@/lib/reporting/message-subject';
import { readMessagesPage } from '@/lib/reporting/messages-page';
import { readVerificationsPage } from '@/lib/reporting/verifications-page';
import { newId } from '@/lib/random';
import { normalizeCode } from '@/lib/sms/verification/code';
import { applyStatus } from '@/lib/sms/delivery/status-report';
import { listTexts } from '@/lib/sms/outbox/history';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { readServedPhone } from '@/lib/phone/served';
import { developmentSender } from '@/lib/sms/senders/sender';
import { useDatabase } from '../support/database';
import { contextAt, newEmail, newPhone, noon } from '../support/people';
import { giveSettledPerson } from '../support/settled-person';

// What a stranger sends is refused in words or taken as it is; it never becomes a fault.
const database = useDatabase();
const megabyte = 'x'.repeat(1_000_000);

const oddTexts = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'a\udfffb',
  '\u202eevil\u2066',
  '\ufeff\u200b\u00ad',
  'Z\u0351\u036b\u0343\u0348'.repeat(20),
  '\uffff\u{10ffff}',
  '__proto__',
  'constructor',
  '-1',
  '-1e308',
  '9'.repeat(400),
  'NaN',
  '0x7fffffff',
  '%00%ff',
  "'; drop table users; --",
  '<script>alert(1)</script>',
  '\r\n\r\n',
  '٠١٢٣٤٥',
  'İ'.repeat(50),
  megabyte,
];
const oddValues: unknown[] = [...oddTexts, new File(['x'], 'name'), null, undefined, 7, [], ['a'], {}, /x/];
const anyText = fc.oneof(
  fc.constantFrom(...oddTexts),
  fc.string({ unit: 'binary', maxLength: 120 }),
  fc.string({ unit: 'grapheme', maxLength: 120 }),
);

function formOf(entries: Record<string, unknown>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(entries)) form.append(name, value as string);
  return form;
}

describe('a form', () => {
  test.each([null, undefined, 'text', 7, [], {}, { get: 'x' }, new Map([['email', 7]])])(
    'that is none (%j) has no fields',
    (sent) => {
      const form = sent as unknown as FormData;
      expect(readField(form, 'email')).toBe('');
      expect([...readFields(form)]).toEqual([]);
      expect(answerForm<'email'>({}, form, ['email']).values).toEqual({});
      expect(readConsentVersion(form).ok).toBe(false);
      expect(readRegistration(readFields(form)).ok).toBe(false);
    },
  );

  test('with a file in the place of a text, or with every field twice, is read all the same', () => {
    const form = formOf({ email: new File(['x'], 'a@b.c'), name: 'first' });
    form.append('name', 'second');
    expect([readField(form, 'email'), readField(form, 'name')]).toEqual(['', 'first']);
    expect(answerForm<'email' | 'name'>({}, form, ['email', 'name']).values).toEqual({ name: 'first' });
    const read = readRegistration(readFields(form));
    expect(read.ok ? {} : read.fieldErrors.email).toBe('Enter your email address.');
  });

  test('whose fields are named as what every object has changes no object', () => {
    const form = formOf({ __proto__: 'x', constructor: 'x', toString: 'x' });
    form.append('__proto__', 'x');
    expect(readRegistration(readFields(form)).ok).toBe(false);
    expect({}.toString).toBe(Object.prototype.toString);
  });

  test('with a consent text that is not in force records no consent', () => {
    for (const shown of ['', '2020-01-1', '__proto__', ' ', megabyte]) {
      expect(readConsentVersion(formOf({ consentVersion: shown })).ok).toBe(false);
    }
    expect(readConsentVersion(formOf({})).ok).toBe(false);
    expect(readConsentVersion(formOf({ consentVersion: currentWording().version })).ok).toBe(true);
  });
});

test('an application with anything at all in it is refused in words, or can be stored as it is read', async () => {
  const person = await giveSettledPerson(database.db, { phone: null });
  const viewer = { userId: person.userId, role: 'applicant' as const };
  let taken = 0;
  for (const odd of oddTexts) {
    for (const form of [
      { title: odd, message: 'Hello' },
      { title: 'A home', message: odd },
      { title: 'A home', message: 'Hello', id: odd, version: odd },
    ]) {
      const read = readForm(submissionInput, formOf({ intent: 'submit', ...form }));
      if (!read.ok) {
        expect(Object.values(read.fieldErrors).every((words) => words !== '')).toBe(true);
        continue;
      }
      await database.pool.query('delete from rate_limits');
      const { fields } = read;
      const saved = await submitApplication(database.db, viewer, fields, contextAt(noon));
      if (fields.id !== null) {
        expect(saved).toMatchObject({ ok: false, reason: 'not_found' });
        continue;
      }
      if (!saved.ok) throw new Error(saved.reason);
      const page = (await readMyApplication(database.db, person.userId, saved.id, noon))!;
      const whole = (text: string) => Buffer.from(text).toString();
      expect([page.application.title, page.application.message]).toEqual([
        whole(fields.title),
        whole(fields.message),
      ]);
      expect(page.application.title).not.toMatch(/[\n\r\0\u202e]/);
      taken += 1;
    }
    expect(applicationPath(odd)).toBe('/applications');
    expect(await readMyApplication(database.db, person.userId, odd, noon)).toBeNull();
  }
  expect(taken).toBeGreaterThan(20);
});

test('an application that staff open for someone has a name and a title of one line, cleaned as an applicant’s', () => {
  const typed = 'A\u202e home\r\nby\u2028the\0 sea';
  const form = { intent: 'submit', name: typed, title: typed, message: 'Hello' };
  const read = readForm(newApplicationInput, formOf(form));
  const own = readForm(submissionInput, formOf({ ...form, id: '', version: '' }));
  if (!read.ok || !own.ok) throw new Error('It is to be taken');
  expect(read.fields).toMatchObject({ name: 'A home by the sea', title: 'A home by the sea' });
  expect(own.fields.title).toBe(read.fields.title);
  for (const odd of oddTexts) {
    const taken = readForm(newApplicationInput, formOf({ name: odd, title: odd, message: 'Hello' }));
    if (taken.ok) expect(taken.fields.name + taken.fields.title).not.toMatch(/[\n\r\0\u202e]/);
  }
});

describe('a registration', () => {
  const good = { email: 'name@example.com', name: 'Name', password: 'correct horse battery' };

  test.each(Object.keys({ ...good, phone: '', smsOptIn: '', tcpaConsent: '', timeZone: '' }))(
    'with anything at all for %s is taken or refused',
    (field) => {
      for (const value of oddValues) {
        const read = readRegistration(Object.entries({ ...good, [field]: value }));
        if (!read.ok) expect(Object.values(read.fieldErrors).every((words) => words !== '')).toBe(true);
      }
    },
  );

  test('that is taken can be stored, and is kept as it was typed', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, anyText, anyText, async (name, local, zone) => {
        const email = `${local.slice(0, 60)}@${newId()}.example`;
        const read = readRegistration(Object.entries({ ...good, email, name, timeZone: zone }));
        if (!read.ok) return;
        const id = newId();
        const { input } = read;
        await insertUser(database.db, {
          id,
          ...input,
          passwordHash: '-',
          phone: null,
          active: true,
          now: noon,
        });
        expect(await findUser(database.db, id)).toMatchObject({ email: input.email, name: input.name });
        expect((await findUserByEmail(database.db, email))!.id).toBe(id);
      }),
      { numRuns: 300 },
    );
  });

  test('with the longest email in the letters that take the most room can be stored', async () => {
    const wide = '\u{10400}';
    const email = `${wide.repeat(64)}@${wide.repeat(55)}.${wide.repeat(5)}`;
    const read = readRegistration(Object.entries({ ...good, email }));
    if (!read.ok) throw new Error(JSON.stringify(read.fieldErrors));
    await insertUser(database.db, {
      id: newId(),
      ...read.input,
      passwordHash: '-',
      phone: null,
      active: true,
      now: noon,
    });
  });

  test('with an email that is too long once its letters are written out is refused', () => {
    const email = `${'\u{1d160}'.repeat(64)}@example.com`;
    expect(readRegistration(Object.entries({ ...good, email }))).toMatchObject({ ok: false });
  });

  test('with a NUL in the password opens an account that the same typing signs in to', async () => {
    const typed = { ...good, email: newEmail(), password: 'correct\0 horse battery' };
    const form = formOf(typed);
    const read = readRegistration(readFields(form));
    if (!read.ok) throw new Error(JSON.stringify(read.fieldErrors));
    expect((await register(database.db, read.input, contextAt(noon))).ok).toBe(true);
    const credentials = { email: typed.email, password: readField(form, 'password') };
    expect((await signIn(database.db, credentials, contextAt(noon))).ok).toBe(true);
  });
});

test('whoever signs in with anything at all is refused', async () => {
  for (const text of [
    'a\0b',
    '\ud800',
    '\u202eevil\u2066',
    '__proto__',
    "'; drop table users; --",
    megabyte,
  ]) {
    const form = formOf({ email: text, password: text });
    const credentials = { email: readField(form, 'email'), password: readField(form, 'password') };
    expect(await signIn(database.db, credentials, contextAt(noon))).toEqual({
      ok: false,
      reason: 'wrong_credentials',
    });
  }
});

test('whatever is typed for a code, a number or quiet hours is understood or refused', () => {
  for (const text of oddTexts) {
    expect([null, '012345']).toContain(normalizeCode(text));
    readServedPhone(text);
    parseNumberFilter(text);
    expect(readQuietHours(() => text).ok).toBe(false);
  }
  fc.assert(
    fc.property(anyText, (text) => {
      normalizeCode(text);
      readServedPhone(text);
      parseNumberFilter(text);
      readQuietHours(() => text);
    }),
  );
});

test('whatever a link says leads to a page of ours', async () => {
  const ours = /^\/(?![/\\])/;
  for (const value of oddValues) {
    expect(safePath(value)).toMatch(ours);
    readCursor(value);
    readNumberParam(value as string);
    const search = {
      ...{ about: value, status: value, template: value, error: value, before: value, attempts: value },
    } as Record<string, string>;
    const messages = pickMessagesParameters(search);
    expect(linkToMessages(messages)).toMatch(ours);
    const nothing = { subject: null, before: null };
    expect(readMessagesQuery(messages)).toEqual({
      ...{ ...nothing, status: null, template: null, errorCode: null },
    });
    const verifications = pickVerificationsParameters(search);
    expect(linkToVerifications(verifications)).toMatch(ours);
    expect(readVerificationsQuery(verifications)).toEqual({ ...nothing, failuresOnly: false });
  }
});

test('whoever is looked for, nobody or someone is found', async () => {
  const nobody = { role: null, state: null, after: undefined };
  for (const text of oddTexts) {
    const parsed = parsePeopleSearch(text);
    if (!parsed.ok) continue;
    const { search } = parsed;
    await listPeople(database.db, { ...nobody, search }, 5);
    if (search !== null)
      expect(sayPeopleSearch(openPeopleSearch(sealPeopleSearch(search))!)).toBeTypeOf('string');
  }
  for (const text of oddTexts) {
    const answer = await findSubject(database.db, text, null);
    if (answer.ok && answer.found !== null && answer.found.kind !== 'message') {
      expect(openSubject(sealSubject(answer.found))).toEqual(answer.found);
    }
    expect(await readMessagePage(database.db, text, { adminId: newId(), now: noon })).toBeNull();
    expect(await readPhonePage(database.db, text, { adminId: newId(), now: noon })).toBeNull();
    const seen = { adminId: newId(), receiptsBefore: readReceiptCursor(text), now: noon };
    expect(await readPersonTexts(database.db, text, seen)).toBeNull();
  }
  for (const value of oddValues) {
    const search = { q: value, role: value, state: value, after: value } as Record<string, string>;
    const query = readPeopleQuery(pickPeopleParameters(search));
    expect(query).toMatchObject({ search: null, role: null, state: null });
    await listPeople(database.db, query, 5);
    await listPeople(database.db, { ...query, search: { text: 'x' } }, 5);
    if (typeof value === 'string') {
      expect(
        await readPerson(database.db, value, { adminId: newId(), historyBefore: null, now: noon }),
      ).toBeNull();
      const read = readReason(value);
      if (read.ok) expect([...read.reason].length).toBeLessThanOrEqual(300);
    }
  }
});

test('what an address can ask of the list of applications is read as nothing, or as it is', async () => {
  const viewer = { userId: newId(), role: 'staff' as const };
  const nothing = readApplicationsQuery({});
  for (const value of oddValues) {
    const search = Object.fromEntries(
      ['q', 'status', 'assignee', 'age', 'news', 'after'].map((name) => [name, value]),
    ) as Record<string, string>;
    const query = readApplicationsQuery(pickApplicationsParameters(search));
    expect(query).toMatchObject({ search: null, status: null, assignee: null, ageDays: null, news: null });
    await listApplications(database.db, viewer, query, noon, 5);
    if (typeof value !== 'string') continue;
    const parsed = parsePeopleSearch(value);
    if (parsed.ok)
      await listApplications(database.db, viewer, { ...nothing, search: parsed.search }, noon, 5);
    expect(
      await readApplicationPage(database.db, viewer, value, { eventsBefore: null, now: noon }),
    ).toBeNull();
  }
});

test('the furthest places that a link can name can be asked for', async () => {
  const uuid = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  const messages = readMessagesQuery({
    before: `9999-12-31T23:59:59.999999Z_${uuid}`,
    about: '0000',
    status: 'queued',
    template: 'help',
    error: '999999',
  });
  expect(messages.before).not.toBeNull();
  await readMessagesPage(database.db, messages, newId());
  await readMessagesPage(database.db, { ...messages, subject: null }, newId());
  const verifications = readVerificationsQuery({
    before: '9999-12-31T23:59:59.999999Z_9999999999999999',
    about: `p.${uuid}`,
    attempts: 'failures',
  });
  expect(verifications.before).not.toBeNull();
  await readVerificationsPage(database.db, verifications, newId());
  const person = await giveSettledPerson(database.db);
  for (const cursor of [`9999999999999_${uuid}`, `0_${uuid}`]) {
    await listTexts(database.db, person, { limit: 1, before: readCursor(cursor) });
  }
});

test('ending a session that is none ends none', async () => {
  const person = await giveSettledPerson(database.db);
  for (const text of oddTexts) await endOne(database.db, person, text, contextAt(noon));
  const { rows } = await database.db.execute(sql`select 1 from sessions where user_id = ${person.userId}`);
  expect(rows).toHaveLength(1);
});

describe('a call of a webhook', () => {
  const withoutNul = (text: string) => text.replaceAll('\0', '').slice(0, 16_000);

  test('that reports anything at all about a text is taken in or ignored', async () => {
    for (const odd of oddTexts.map(withoutNul)) {
      const whole = {
        MessageSid: 'SM1',
        MessageStatus: 'delivered',
        To: '+15550001111',
        ErrorCode: '',
        Price: '',
        NumSegments: '',
        PriceUnit: 'USD',
      };
      for (const name of Object.keys(whole)) {
        const fields = new URLSearchParams({ ...whole, [name]: odd });
        for (const message of ['', odd]) {
          const query = new URLSearchParams(message === '' ? {} : { message });
          const report = readStatusReport({ ok: true, fields, query }, noon);
          if (report === null) continue;
          expect((await applyStatus(database.db, report)).ok).toBe(false);
        }
      }
    }
  });

  test('that hands over anything at all keeps it or says no, and is answered the same again', async () => {
    const phone = newPhone();
    for (const [index, odd] of oddTexts.map(withoutNul).entries()) {
      const whole = {
        MessageSid: `SM${index}a`,
        From: phone,
        To: developmentSender,
        Body: 'hi',
        OptOutType: '',
      };
      for (const [place, name] of Object.keys(whole).entries()) {
        const sid = `SM${index}x${place}`;
        const text = readInboundText(new URLSearchParams({ ...whole, MessageSid: sid, [name]: odd }));
        if (text === null) continue;
        const first = await receiveText(database.db, text, contextAt(noon));
        const second = await receiveText(database.db, text, contextAt(noon));
        expect(second.ok && second.reply).toEqual(first.ok && first.reply);
      }
    }
  });

  test('takes no longer to understand for being long', () => {
    const repeated = [
      'stop ',
      'stop the ',
      'do not ever want to ',
      'no me ',
      '“',
      'loved “',
      '1 2 3 ',
      'cancel my ',
      'a',
      'ok ',
    ];
    for (const part of repeated) {
      const startedAt = performance.now();
      readInbound(part.repeat(16_000 / part.length));
      expect(performance.now() - startedAt, part).toBeLessThan(2_000);
    }
  });
});
