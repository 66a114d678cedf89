import { beforeAll, describe, expect, test } from 'vitest';
import { insertUser } from '@/lib/accounts/users';
import { env } from '@/lib/env';
import {
  listPeople,
  openPeopleSearch,
  parsePeopleSearch,
  sayPeopleSearch,
  sealPeopleSearch,
  type PeopleQuery,
} from '@/lib/reporting/people';
import { newId } from '@/lib/random';
import { seal } from '@/lib/seal';
import { useDatabase } from '@/tests/support/database';
import { after, noon } from '@/tests/support/people';
import { withSettings } from '@/tests/support/settings';

const database = useDatabase();
const anyone: PeopleQuery = { search: null, role: null, state: null, after: undefined };

const people = [
  { name: 'Robin Reed', email: 'robin@example.com', phone: '+15552000001' },
  { name: 'ROBINSON Kay', email: 'kay@example.com', phone: '+15552010001', role: 'staff' },
  { name: 'Alex_1', email: 'alex%b@example.com', role: 'broker' },
  { name: 'Alex11', email: 'robert@example.com' },
  { name: '100% Pat', email: 'pat\\x@example.com' },
  { name: 'Ömer Öz', email: 'ömer@example.com', role: 'admin' },
] as const;

beforeAll(async () => {
  for (const [n, person] of people.entries()) {
    await insertUser(database.db, {
      id: newId(),
      passwordHash: '-',
      phone: null,
      active: n !== 3,
      emailProven: n !== 0,
      now: after(noon, n),
      ...person,
    });
  }
  await database.pool.query(`update users set deactivated_at = now() where name = '100% Pat'`);
});

const find = async (changes: Partial<PeopleQuery>) =>
  (await listPeople(database.db, { ...anyone, ...changes }, 25)).people.map(({ name }) => name);
const type = async (typed: string) => {
  const parsed = parsePeopleSearch(typed);
  return parsed.ok ? find({ search: parsed.search }) : parsed;
};

describe('a search', () => {
  test.each([
    ['rob', ['Robin Reed', 'ROBINSON Kay', 'Alex11']],
    ['robin', ['Robin Reed', 'ROBINSON Kay']],
    ['robert', ['Alex11']],
    ['ROBIN R', ['Robin Reed']],
    ['  robinson ', ['ROBINSON Kay']],
    ['kay@', ['ROBINSON Kay']],
    ['robin@example.com', ['Robin Reed']],
    ['ö', ['Ömer Öz']],
    ['(555) 200-0001', ['Robin Reed']],
    ['0001', ['ROBINSON Kay', 'Robin Reed']],
    ['reed', []],
    ['', people.map(({ name }) => name).toReversed()],
  ])('for %j finds %j', async (typed, found) => {
    const names = await type(typed);
    // Names come first, then emails, each in the order of its letters; what a number finds by age.
    expect(names).toEqual(found);
  });

  test.each([
    ['%', []],
    ['_', []],
    ['%b', []],
    ['alex_', ['Alex_1']],
    ['alex%', ['Alex_1']],
    ['100%', ['100% Pat']],
    ['pat\\', ['100% Pat']],
    ['\\', []],
    ["'; drop table users; --", []],
    ['\ud800', []],
  ])('takes wildcards as they are typed: %j finds %j', async (typed, found) => {
    expect(await type(typed)).toEqual(found);
  });

  test('is refused when it is longer than any name or email that could be meant', async () => {
    expect(await type('x'.repeat(101))).toEqual({ ok: false, reason: 'too_long' });
  });

  test('is refused where it would tell more digits of a number than are shown', async () => {
    for (const typed of ['10001', '2010001', '5552010001'.slice(1)]) {
      expect(await type(typed)).toEqual({ ok: false, reason: 'part_of_number' });
    }
    // As a link of an earlier version has it.
    expect(openPeopleSearch(seal('people-search', 'd10001'))).toBeNull();
  });

  test('is narrowed by role and by state', async () => {
    expect(await find({ role: 'broker' })).toEqual(['Alex_1']);
    expect(await find({ role: 'applicant', state: 'active' })).toEqual(['Robin Reed']);
    expect(await find({ state: 'pending' })).toEqual(['Alex11']);
    expect(await find({ state: 'deactivated' })).toEqual(['100% Pat']);
    expect(await find({ state: 'unproven' })).toEqual(['Robin Reed']);
    expect(await find({ search: { text: 'alex' }, role: 'broker' })).toEqual(['Alex_1']);
    expect(await find({ search: { lastDigits: '0001' }, role: 'staff' })).toEqual(['ROBINSON Kay']);
    expect(await find({ search: { text: 'rob' }, state: 'deactivated' })).toEqual([]);
  });
});

describe('page after page', () => {
  test.each([
    ['by age', null],
    ['by name and email', { text: 'rob' }],
  ])('everyone is shown once, %s', async (_, search) => {
    const whole = await find({ search });
    const leafed: string[] = [];
    let next: string | undefined;
    do {
      const page = await listPeople(database.db, { ...anyone, search, after: next }, 1);
      leafed.push(...page.people.map(({ name }) => name));
      next = page.older ?? undefined;
      // No place in a list tells whose it is.
      expect(next ?? '').not.toMatch(/rob|alex/i);
    } while (next !== undefined && leafed.length < 10);
    expect(leafed).toEqual(whole);
  });

  test.each(['x', '2026-11-20T12:00:00.000000Z_x', '\0', 'a'.repeat(2_000)])(
    'a place that no link has is the beginning: %j',
    async (place) => {
      expect(await find({ after: place })).toEqual(await find({}));
      expect(await find({ search: { text: 'rob' }, after: place })).toEqual(
        await find({ search: { text: 'rob' } }),
      );
    },
  );
});

describe('in a link', () => {
  test.each([{ text: 'robin@example.com' }, { phone: '+15552000001' }, { lastDigits: '0001' }])(
    '%j is sealed, and opened again also after the secret was changed',
    async (search) => {
      const sealed = sealPeopleSearch(search);
      expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toMatch(/robin|2000001|0001/);
      expect(sealPeopleSearch(search)).toBe(sealed);
      expect(openPeopleSearch(sealed)).toEqual(search);
      const [secret] = env().authSecrets;
      await withSettings({ authSecrets: ['another secret, of 32 bytes or more', secret] }, () =>
        expect(openPeopleSearch(sealed)).toEqual(search),
      );
      await withSettings({ authSecrets: ['another secret, of 32 bytes or more'] }, () =>
        expect(openPeopleSearch(sealed)).toBeNull(),
      );
    },
  );

  test('nothing else opens', () => {
    for (const text of [undefined, '', 'robin', 'n.aaaa', 'a'.repeat(40), '\0']) {
      expect(openPeopleSearch(text)).toBeNull();
    }
  });

  test('a number is shown masked', () => {
    expect(sayPeopleSearch({ phone: '+15552000001' })).toBe('•••0001');
    expect(sayPeopleSearch({ text: 'rob' })).toBe('rob');
  });
});
