import { randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { beforeAll, describe, expect, test } from 'vitest';
import { users } from '@/db/schema/accounts';
import { smsMessages } from '@/db/schema/sms';
import {
  findSubject,
  openSubject,
  readSubject,
  sealSubject,
  type MessageSubject,
} from '@/lib/reporting/message-subject';
import { giveApplicant, giveSubmitted } from '@/tests/support/applications';
import { useDatabase } from '@/tests/support/database';
import { noon } from '@/tests/support/people';
import { askForUpdate, makePerson } from '@/tests/support/texts';

const database = useDatabase();
const sid = `SM${'0123456789abcdef'.repeat(2)}`;
let person: { userId: string; phone: string };
let messageId: string;
let applicationId: string;

const find = (typed: string, shown: MessageSubject | null = null) => findSubject(database.db, typed, shown);

beforeAll(async () => {
  person = await makePerson(database.db);
  await database.db.update(users).set({ name: 'Wren Only' }).where(eq(users.id, person.userId));
  messageId = await askForUpdate(database.db, person);
  await database.db.update(smsMessages).set({ providerSid: sid }).where(eq(smsMessages.id, messageId));
  applicationId = (await giveSubmitted(database.db, await giveApplicant(database.db), noon)).id;
});

describe('what was typed', () => {
  test.each([
    ['(212) 200-0001', { phone: '+12122000001' }],
    ['+1 212 200 0001', { phone: '+12122000001' }],
    ['０００１', { lastDigits: '0001' }],
    ['•••0001', { lastDigits: '0001' }],
  ])('%s is a number', async (typed, filter) => {
    expect(await find(typed)).toEqual({ ok: true, found: { kind: 'number', filter } });
  });

  test('leads to a text by its SID in any case, or its id', async () => {
    const message = { ok: true, found: { kind: 'message', id: messageId } };
    for (const typed of [sid, ` ${sid.toUpperCase()} `, messageId, messageId.toUpperCase()]) {
      expect(await find(typed)).toEqual(message);
    }
  });

  test('leads to a person or an application by an id, or by the link to a page', async () => {
    const { userId: id } = person;
    for (const typed of [id, `https://example.com/admin/users/${id}?before=1#history`]) {
      expect(await find(typed)).toEqual({ ok: true, found: { kind: 'person', id } });
    }
    for (const typed of [applicationId, `/staff/applications/${applicationId}`]) {
      expect(await find(typed)).toEqual({ ok: true, found: { kind: 'application', id: applicationId } });
    }
  });

  test('leads to the one whose name or email begins so, or asks who of several is meant', async () => {
    const { userId: id } = person;
    for (const typed of ['wren on', `${id}@example.com`]) {
      expect(await find(typed)).toEqual({ ok: true, found: { kind: 'person', id } });
    }
    const others = await Promise.all(Array.from({ length: 12 }, () => makePerson(database.db)));
    await database.db.execute(sql`update users set name = 'Kit Many'
      where id = any(${`{${others.map(({ userId }) => userId).join(',')}}`}::uuid[])`);
    const names: MessageSubject = { kind: 'names', text: 'Kit' };
    expect(await find('Kit')).toEqual({ ok: true, found: names });
    const { choices, isMore } = await readSubject(database.db, names);
    expect(choices).toHaveLength(10);
    expect(isMore).toBe(true);
    for (const { id: chosen, email, maskedPhone } of choices) {
      expect(email).toBe(`${chosen}@example.com`);
      expect(maskedPhone).toMatch(/^•••\d{4}$/);
    }
  });

  test.each([
    ['12', 'too_few_digits'],
    ['00001', 'part_of_number'],
    ['122000001', 'part_of_number'],
    ['1234567890123456', 'not_a_number'],
    ['x'.repeat(101), 'too_long'],
    ['x'.repeat(501), 'too_long'],
    [`SM${'0'.repeat(32)}`, 'unknown_id'],
    [randomUUID(), 'unknown_id'],
    ['Nobody at all', 'nobody'],
  ])('%s is refused', async (typed, reason) => {
    expect(await find(typed)).toEqual({ ok: false, reason });
  });

  test('means what the page was about, while it is what the field shows', async () => {
    const subjects: MessageSubject[] = [
      { kind: 'number', filter: { phone: person.phone } },
      { kind: 'person', id: person.userId },
      { kind: 'application', id: applicationId },
      { kind: 'names', text: 'Kit' },
    ];
    for (const subject of subjects) {
      const { words } = await readSubject(database.db, subject);
      expect(await find(words, subject)).toEqual({ ok: true, found: subject });
    }
    expect(await find('', subjects[0]!)).toEqual({ ok: true, found: null });
  });
});

test('a link brings every subject back as it was, and holds no number, name or email', () => {
  const subjects: MessageSubject[] = [
    { kind: 'number', filter: { phone: '+12122000001' } },
    { kind: 'number', filter: { lastDigits: '0001' } },
    { kind: 'person', id: randomUUID() },
    { kind: 'application', id: randomUUID() },
    { kind: 'names', text: 'Wren Only' },
  ];
  for (const subject of subjects) {
    const sealed = sealSubject(subject);
    expect(openSubject(sealed)).toEqual(subject);
    expect(decodeURIComponent(sealed)).not.toMatch(/2122000001|Wren|Only/);
  }
  for (const odd of [undefined, '', 'p.', 'p.x', 'a.1', 's.', 's.x', 'q.x', 'n.x']) {
    expect(openSubject(odd)).toBeNull();
  }
});
