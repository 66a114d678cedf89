import { sql, type SQL } from 'drizzle-orm';
import type { Role } from '@/db/schema/accounts';
import type { Db } from '@/db/client';
import { plannedAnew } from '@/db/prepared-statements';
import { lacksFactor } from '@/lib/accounts/factors';
import { maskPhone } from '@/lib/phone/parse';
import { readAdminTimeZone } from './admin-time-zone';
import { cutPage, exactInstant, readKeyset, writeKeyset } from './keyset';
import { maskNumberFilter, matchNumber, parseNumberFilter, type NumberFilter } from './number-filter';
import { seal, unseal } from '@/lib/seal';
import { toNfc } from '@/lib/unicode';

/** Who is looked for: by number, or by how their name or email begins. */
export type PeopleSearch = NumberFilter | { text: string };

/**
 * `unproven`: of the accounts that are not deactivated, those whose email nobody has confirmed. `no_factor`: of the active ones,
 * those who must hold a second factor and hold none.
 */
export const personStates = ['active', 'pending', 'deactivated', 'unproven', 'no_factor'] as const;
export type PersonStateFilter = (typeof personStates)[number];

export type PeopleQuery = {
  search: PeopleSearch | null;
  role: Role | null;
  state: PersonStateFilter | null;
  /** The place in the list, from `older` of the page before; anything else is its beginning. */
  after: string | undefined;
};

/** A person as a list shows them; the number masked. */
export type ListedPerson = {
  id: string;
  name: string;
  email: string;
  isEmailProven: boolean;
  role: Role;
  state: 'active' | 'pending' | 'deactivated';
  maskedPhone: string | null;
  createdAt: Date;
};

const longestSearch = 100;
const label = 'people-search';
const placeLabel = 'people-place';

/**
 * Reads what was typed to find people: a number (whole, or its last four digits), or the beginning of a name or of an
 * email. Null: nothing was typed. Refuses with `too_long`, or `part_of_number` for other digits of one.
 */
export function parsePeopleSearch(
  typed: string,
): { ok: true; search: PeopleSearch | null } | { ok: false; reason: 'too_long' | 'part_of_number' } {
  const text = toNfc(typed.replaceAll('\0', '').trim());
  if (text === '') return { ok: true, search: null };
  if (text.length > longestSearch) return { ok: false, reason: 'too_long' };
  const number = text.includes('@') ? null : parseNumberFilter(text);
  if (number?.ok === false && number.reason === 'part_of_number') return { ok: false, reason: number.reason };
  return { ok: true, search: number?.ok ? number.filter : { text } };
}

/** What is looked for as the field shows it: a number masked, as numbers are shown. */
export function sayPeopleSearch(search: PeopleSearch): string {
  return 'text' in search ? search.text : maskNumberFilter(search);
}

/** Writes a search for a link, sealed: no address has a name, an email or a number in it. */
export function sealPeopleSearch(search: PeopleSearch): string {
  if ('text' in search) return seal(label, `t${search.text}`);
  return seal(label, 'phone' in search ? `p${search.phone}` : `d${search.lastDigits}`);
}

/** Reads a search from a link; null for anything that `sealPeopleSearch` did not write. */
export function openPeopleSearch(text: string | undefined): PeopleSearch | null {
  const plain = text === undefined ? null : unseal(label, text);
  if (plain === null) return null;
  const value = plain.slice(1);
  if (plain.startsWith('t')) return { text: value };
  if (plain.startsWith('p')) return { phone: value };
  // An earlier version sealed more than the last four digits, too.
  return value.length === 4 ? { lastDigits: value } : null;
}

/** Reads all that the list shows to an admin. */
export async function readPeoplePage(
  db: Db,
  query: PeopleQuery,
  adminId: string,
): Promise<{ people: ListedPerson[]; older: string | null; timeZone: string }> {
  const [page, timeZone] = await Promise.all([
    listPeople(db, query, peoplePerPage),
    readAdminTimeZone(db, adminId),
  ]);
  return { ...page, timeZone };
}

const peoplePerPage = 25;

/**
 * Reads a page of people: newest first, or, where a name or email is looked for, in its order. `older` leads on: the place of the
 * last person shown, null at the end.
 */
export async function listPeople(
  db: Db,
  query: PeopleQuery,
  pageSize: number,
): Promise<{ people: ListedPerson[]; older: string | null }> {
  const { search } = query;
  return search !== null && 'text' in search
    ? listByText(db, { ...query, text: search.text }, pageSize)
    : listByAge(db, { ...query, number: search }, pageSize);
}

type Row = {
  id: string;
  at: string;
  name: string;
  email: string;
  proven: boolean;
  role: Role;
  activated: boolean;
  deactivated: boolean;
  phone: string | null;
};

const columns = sql`users.id, ${exactInstant(sql`users.created_at`)} as at, users.name, users.email,
  users.email_proven_at is not null as proven, users.role, users.activated_at is not null as activated,
  users.deactivated_at is not null as deactivated, users.phone`;

async function listByAge(
  db: Db,
  { number, role, state, after }: Omit<PeopleQuery, 'search'> & { number: NumberFilter | null },
  pageSize: number,
): Promise<{ people: ListedPerson[]; older: string | null }> {
  const before = readKeyset(after, 'uuid');
  const { rows } = await db.execute<Row>(sql`
    ${plannedAnew} select ${columns} from users
    where ${narrow(role, state)}
      ${number ? sql`and ${matchNumber(sql`phone`, number)}` : sql``}
      ${before ? sql`and (created_at, id) < (${before.at}::timestamptz, ${before.id}::uuid)` : sql``}
    order by created_at desc, id desc
    limit ${pageSize + 1}`);
  const page = cutPage(rows, pageSize);
  const last = page.rows.at(-1);
  return { people: page.rows.map(describe), older: page.older && last ? writeKeyset(last) : null };
}

/**
 * Those whose name begins so come first, in its order, then those of whom only the email does. Each part walks an index in its
 * own order and reads about a page, so a letter that half of all people begin with costs no more than a whole name. A text with
 * an @ is an email's.
 */
async function listByText(
  db: Db,
  { text, role, state, after }: Omit<PeopleQuery, 'search'> & { text: string },
  pageSize: number,
): Promise<{ people: ListedPerson[]; older: string | null }> {
  const place = openPlace(after);
  const pattern = prefixPattern(text);
  const name = sql`lower(name) collate "C"`;
  const email = sql`lower(email) collate "C"`;
  const read = async (by: Place['by'], limit: number) => {
    const key = by === 'name' ? name : email;
    const from = place?.by === by ? place : null;
    const onlyByEmail = by === 'email' && !text.includes('@');
    const { rows } = await db.execute<Row & { key: string }>(sql`
      ${plannedAnew} select ${columns}, ${key} as key from users
      where ${key} like ${pattern} ${onlyByEmail ? sql`and not (${name} like ${pattern})` : sql``} and ${narrow(role, state)}
        ${from ? sql`and (${key}, id) > (${from.key}, ${from.id}::uuid)` : sql``}
      order by ${key}, id limit ${limit}`);
    return rows.map((row) => ({ ...row, by }));
  };
  const isByEmail = text.includes('@') || place?.by === 'email';
  const rows: (Row & Place)[] = isByEmail ? [] : await read('name', pageSize + 1);
  if (rows.length <= pageSize) rows.push(...(await read('email', pageSize + 1 - rows.length)));
  const shown = rows.slice(0, pageSize);
  const last = rows.length > pageSize ? shown.at(-1) : undefined;
  return { people: shown.map(describe), older: last ? sealPlace(last) : null };
}

/** The ids of accounts that fit a search, `limit` at most: of names first, in their order, then of emails. */
export async function findPeople(db: Db, search: PeopleSearch, limit: number): Promise<string[]> {
  if (!('text' in search)) {
    const { rows } = await db.execute<{ id: string }>(sql`
      select id from users where ${matchNumber(sql`phone`, search)} limit ${limit}`);
    return rows.map(({ id }) => id);
  }
  const pattern = prefixPattern(search.text);
  const read = async (key: SQL) => {
    const { rows } = await db.execute<{ id: string }>(sql`
      ${plannedAnew} select id from users where ${key} like ${pattern} order by ${key}, id limit ${limit}`);
    return rows.map(({ id }) => id);
  };
  const [byName, byEmail] = await Promise.all([
    search.text.includes('@') ? [] : read(sql`lower(name) collate "C"`),
    read(sql`lower(email) collate "C"`),
  ]);
  return [...new Set([...byName, ...byEmail])].slice(0, limit);
}

/** Whether someone who is joined as `person` fits a search, as a condition. */
export function matchesPerson(search: PeopleSearch, person: SQL): SQL {
  if (!('text' in search)) return matchNumber(sql`${person}.phone`, search);
  const pattern = prefixPattern(search.text);
  return sql`(lower(${person}.name) like ${pattern} or lower(${person}.email) like ${pattern})`;
}

function prefixPattern(text: string): SQL {
  return sql`lower(${`${text.replace(/[\\%_]/g, '\\$&')}%`})`;
}

/** Where someone is in the list of those whose name or email begins as is looked for. */
type Place = { by: 'name' | 'email'; id: string; key: string };

function sealPlace({ by, id, key }: Place): string {
  return seal(placeLabel, JSON.stringify([by, id, key]));
}

function openPlace(after: string | undefined): Place | null {
  const plain = after === undefined ? null : unseal(placeLabel, after);
  if (plain === null) return null;
  const [by, id, key] = JSON.parse(plain) as [Place['by'], string, string];
  return { by, id, key };
}

const ofState: Record<PersonStateFilter, SQL> = {
  active: sql`activated_at is not null and deactivated_at is null`,
  pending: sql`activated_at is null and deactivated_at is null`,
  deactivated: sql`deactivated_at is not null`,
  unproven: sql`email_proven_at is null and deactivated_at is null`,
  no_factor: sql`${lacksFactor} and activated_at is not null and deactivated_at is null`,
};

function narrow(role: Role | null, state: PersonStateFilter | null): SQL {
  // Said twice, so that the index of the few is known to have them all.
  const few = role === null || role === 'applicant' ? sql`` : sql`and role <> 'applicant'`;
  return sql`true ${role ? sql`and role = ${role} ${few}` : sql``} ${state ? sql`and ${ofState[state]}` : sql``}`;
}

function describe(row: Row): ListedPerson {
  const { id, name, email, proven, role, activated, deactivated, phone, at } = row;
  return {
    id,
    name,
    email,
    isEmailProven: proven,
    role,
    state: deactivated ? 'deactivated' : activated ? 'active' : 'pending',
    maskedPhone: phone === null ? null : maskPhone(phone),
    createdAt: new Date(at),
  };
}
