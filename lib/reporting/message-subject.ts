import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { isId } from '@/lib/random';
import {
  maskNumberFilter,
  openNumberFilter,
  parseNumberFilter,
  sealNumberFilter,
  type NumberFilter,
} from './number-filter';
import { findPeople, listPeople, openPeopleSearch, parsePeopleSearch, sealPeopleSearch } from './people';
import { toNfc } from '@/lib/unicode';

/** Whose texts are looked for, or those about what. */
export type MessageSubject =
  | { kind: 'number'; filter: NumberFilter }
  | { kind: 'person'; id: string }
  | { kind: 'application'; id: string }
  /** Several people have a name or an email that begins so: one of them is to be chosen. */
  | { kind: 'names'; text: string };

/** What an id that was typed belongs to. */
type Found = MessageSubject | { kind: 'message'; id: string };

export type SubjectRefusal =
  'too_few_digits' | 'part_of_number' | 'not_a_number' | 'too_long' | 'unknown_id' | 'nobody';

/** Someone to choose from; the number masked. */
export type SubjectChoice = { id: string; name: string; email: string; maskedPhone: string | null };

/** A subject as a page names it. */
export type SeenSubject = {
  /** What the search field shows: typed again, it finds the same. */
  words: string;
  /** Whose page leads on; null: it is no person, or their account is gone. */
  person: { id: string; name: string } | null;
  application: string | null;
  /** Who can be chosen from; empty for what is one already. */
  choices: SubjectChoice[];
  /** There are more people than are listed. */
  isMore: boolean;
};

/** How many people are listed to choose from. */
const mostChoices = 10;

/** Writes a subject for a link: no address has a number, a name or an email in it. */
export function sealSubject(subject: MessageSubject): string {
  switch (subject.kind) {
    case 'number':
      return sealNumberFilter(subject.filter);
    case 'person':
      return `p.${subject.id}`;
    case 'application':
      return `a.${subject.id}`;
    case 'names':
      return `s.${sealPeopleSearch({ text: subject.text })}`;
  }
}

/** Reads a subject from a link; null for anything that `sealSubject` did not write. */
export function openSubject(text: string | undefined): MessageSubject | null {
  const [, kind, rest] = /^([pas])\.(.*)$/.exec(text ?? '') ?? [];
  if (kind === undefined || rest === undefined) {
    const filter = openNumberFilter(text);
    return filter && { kind: 'number', filter };
  }
  if (kind === 's') {
    const search = openPeopleSearch(rest);
    return search && 'text' in search ? { kind: 'names', text: search.text } : null;
  }
  return isId(rest) ? { kind: kind === 'p' ? 'person' : 'application', id: rest.toLowerCase() } : null;
}

/** Links are longer than names. */
const longestTyped = 500;

const providerSid = /^(SM|MM)([0-9a-f]{32})$/i;
const idAnywhere = /(?<![0-9a-f-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f-])/i;

/**
 * Finds what was typed: the SID or the id of a text; the id of a person or an application, or a link to its page; a number in any
 * spelling, or its last four digits; how a name or an email begins. `shown`: what the page was about, which what is typed
 * still means while it is what the field showed. Null: nothing was typed.
 */
export async function findSubject(
  db: Db,
  typed: string,
  shown: MessageSubject | null,
): Promise<{ ok: true; found: Found | null } | { ok: false; reason: SubjectRefusal }> {
  const text = toNfc(typed.replaceAll('\0', '').trim());
  if (text === '') return { ok: true, found: null };
  if (text.length > longestTyped) return { ok: false, reason: 'too_long' };
  if (shown !== null && text === (await saySubject(db, shown))) return { ok: true, found: shown };
  const [, kind, digits] = providerSid.exec(text) ?? [];
  const id = text.includes('@') ? undefined : idAnywhere.exec(text)?.[0];
  if (kind !== undefined && digits !== undefined) {
    return asFound(await findBySid(db, `${kind.toUpperCase()}${digits.toLowerCase()}`), 'unknown_id');
  }
  if (id !== undefined) return asFound(await findById(db, id), 'unknown_id');
  if (!/\p{L}/u.test(text)) {
    const number = parseNumberFilter(text);
    return number.ok ? { ok: true, found: { kind: 'number', filter: number.filter } } : number;
  }
  const people = parsePeopleSearch(text);
  if (!people.ok) return people;
  if (people.search === null) return { ok: false, reason: 'too_long' };
  if (!('text' in people.search)) return { ok: true, found: { kind: 'number', filter: people.search } };
  const [first, ...others] = await findPeople(db, people.search, 2);
  if (first === undefined) return { ok: false, reason: 'nobody' };
  return { ok: true, found: others.length === 0 ? { kind: 'person', id: first } : { kind: 'names', text } };
}

function asFound(found: Found | null, reason: SubjectRefusal) {
  return found === null ? { ok: false as const, reason } : { ok: true as const, found };
}

async function findBySid(db: Db, sid: string): Promise<Found | null> {
  const { rows } = await db.execute<{ id: string }>(sql`
    select id from sms_messages where provider_sid = ${sid}`);
  return rows[0] ? { kind: 'message', id: rows[0].id } : null;
}

async function findById(db: Db, id: string): Promise<Found | null> {
  const { rows } = await db.execute<{ kind: 'message' | 'application' | 'person'; id: string }>(sql`
    select 'message' as kind, id from sms_messages where id = ${id}
    union all select 'application', id from applications where id = ${id}
    union all select 'person', id from users where id = ${id}`);
  return rows[0] ?? null;
}

/** What the search field shows of a subject: a number masked, a person's name, the id of an application. */
async function saySubject(db: Db, subject: MessageSubject): Promise<string> {
  switch (subject.kind) {
    case 'number':
      return maskNumberFilter(subject.filter);
    case 'person':
      return (await readName(db, subject.id)) ?? subject.id;
    case 'application':
      return subject.id;
    case 'names':
      return subject.text;
  }
}

/** Reads what a page says about its subject: one statement, or two where people are listed; none about a number. */
export async function readSubject(db: Db, subject: MessageSubject): Promise<SeenSubject> {
  const seen = { person: null, application: null, choices: [], isMore: false };
  switch (subject.kind) {
    case 'number':
      return { ...seen, words: maskNumberFilter(subject.filter) };
    case 'application':
      return { ...seen, words: subject.id, application: subject.id };
    case 'person': {
      const name = await readName(db, subject.id);
      return { ...seen, words: name ?? subject.id, person: name === null ? null : { id: subject.id, name } };
    }
    case 'names': {
      const query = { search: { text: subject.text }, role: null, state: null, after: undefined };
      const { people, older } = await listPeople(db, query, mostChoices);
      const choices = people.map(({ id, name, email, maskedPhone }) => ({ id, name, email, maskedPhone }));
      return { ...seen, words: subject.text, choices, isMore: older !== null };
    }
  }
}

async function readName(db: Db, userId: string): Promise<string | null> {
  const { rows } = await db.execute<{ name: string }>(sql`select name from users where id = ${userId}`);
  return rows[0]?.name ?? null;
}
