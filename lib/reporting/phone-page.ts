import { sql } from 'drizzle-orm';
import type { StopMedium } from '@/db/schema/consent';
import type { Db } from '@/db/client';
import { listLastWordsAt, type LastWord } from '@/lib/consent/ledger';
import { listOptOutsAt } from '@/lib/consent/opt-out-ledger';
import { env } from '@/lib/env';
import { maskPhone } from '@/lib/phone/parse';
import { explainNext, type NextText } from '@/lib/sms/dispatch/explain-next';
import { readDoubt, type Doubt } from '@/lib/sms/numbers/doubt';
import { readNumber, readUndeliverable } from '@/lib/sms/numbers/number';
import { findStopped, type StoppedTexts } from '@/lib/sms/numbers/opted-out';
import { readAdminTimeZone } from './admin-time-zone';
import { listNumberLimits, type NumberLimit } from './number-limits';
import { sealSubject } from './message-subject';
import { openPhoneId } from './phone-id';
import { seeOptOut, type SeenOptOut } from './seen-number';
import { searchTexts, type SeenText } from './sms-texts';
import { listAttempts, type SeenAttempt } from './verification-attempts';

/** Someone who has the number on their account. */
export type PhonePerson = { id: string; name: string; email: string };

/** A number as admins see it, masked, with all that is known of it. */
export type PhonePage = {
  id: string;
  maskedPhone: string;
  /** What lists of texts and attempts go by that are of this number (`sealSubject`). */
  about: string;
  /** Who has proven that it is theirs; null: nobody, or whoever had has lost it since. `since` null: it is not known. */
  holder: (PhonePerson & { since: Date | null }) | null;
  /** Who else names it as theirs. */
  others: PhonePerson[];
  hasMoreOthers: boolean;
  /** Since when it takes no texts; null: it takes them. */
  stopped: { since: Date; by: StopMedium | null; texts: StoppedTexts | null } | null;
  /** Until when its carrier's word is believed that it cannot be texted; null: it can. */
  undeliverableUntil: Date | null;
  /** Why updates wait until its holder verifies it again; null: they do not. */
  doubt: Doubt | null;
  limits: NumberLimit[];
  /** What stands between its holder, or someone else who names it, and their next code; null: nobody can ask for one. */
  next: (NextText & { person: PhonePerson }) | null;
  texts: SeenText[];
  hasOlderTexts: boolean;
  attempts: SeenAttempt[];
  hasOlderAttempts: boolean;
  /** The last that each account said about a scope, the newest first; `name` null: the account is gone. */
  consents: (LastWord & { name: string | null })[];
  optOuts: SeenOptOut[];
  hasOlderOptOuts: boolean;
  /** In which moments are said to the admin. */
  timeZone: string;
};

const newestShown = 10;
const mostPeople = 20;

/** Reads the page of a number by its opaque id; null: there is none with this id. A number that nobody has heard of has one. */
export async function readPhonePage(
  db: Db,
  id: string,
  { adminId, now }: { adminId: string; now: Date },
): Promise<PhonePage | null> {
  const phone = openPhoneId(id);
  if (phone === null) return null;
  const subject = { kind: 'number' as const, filter: { phone } };
  const everyText = { subject, status: null, template: null, errorCode: null, before: null };
  const everyAttempt = { subject, failuresOnly: false, before: null };
  const [number, people, texts, attempts, words, optOuts, timeZone] = await Promise.all([
    readNumber(db, phone),
    listPeopleAt(db, phone),
    searchTexts(db, everyText, newestShown),
    listAttempts(db, everyAttempt, newestShown),
    listLastWordsAt(db, phone, mostPeople),
    listOptOutsAt(db, phone, newestShown + 1),
    readAdminTimeZone(db, adminId),
  ]);
  const holder = people.find((person) => person.id === number?.holderUserId) ?? null;
  const others = people.filter((person) => person !== holder);
  const asker = holder ?? others[0] ?? null;
  const [next, names] = await Promise.all([
    asker && explainNext(db, { userId: asker.id, phone }, ['code'], { env: env(), now }),
    readNames(db, words),
  ]);
  const { suppressedAt = null, suppressedBy: by = null } = number ?? {};
  return {
    ...{ id, maskedPhone: maskPhone(phone), about: sealSubject(subject) },
    holder: holder && { ...holder, since: number?.heldSince ?? null },
    others: others.slice(0, mostPeople),
    hasMoreOthers: others.length > mostPeople,
    stopped: suppressedAt && { since: suppressedAt, by, texts: findStopped(number) },
    undeliverableUntil: readUndeliverable(number, now)?.until ?? null,
    doubt: readDoubt(number),
    limits: listNumberLimits(number, now),
    next: asker && next?.[0] ? { ...next[0], person: asker } : null,
    texts: texts.texts,
    hasOlderTexts: texts.older !== null,
    attempts: attempts.attempts,
    hasOlderAttempts: attempts.older !== null,
    consents: words
      .map((word) => ({ ...word, name: names.get(word.userId) ?? null }))
      .sort((a, b) => b.at.getTime() - a.at.getTime()),
    optOuts: optOuts.slice(0, newestShown).map(seeOptOut),
    hasOlderOptOuts: optOuts.length > newestShown,
    timeZone,
  };
}

/** Who holds a number, and who else names it as theirs, one more of these than are shown; in no order that matters. */
async function listPeopleAt(db: Db, phone: string): Promise<PhonePerson[]> {
  const { rows } = await db.execute<{ id: string; name: string; email: string }>(sql`
    with people as (
      (select u.id, u.name, u.email, 0 as place from phone_numbers n join users u on u.id = n.holder_user_id where n.number = ${phone})
      union all
      (select u.id, u.name, u.email, 1 from users u where u.phone = ${phone} limit ${mostPeople + 2})
    )
    select distinct on (id) id, name, email, place from people order by id, place`);
  return rows.map(({ id, name, email }) => ({ id, name, email }));
}

async function readNames(db: Db, words: readonly LastWord[]): Promise<Map<string, string>> {
  const ids = [...new Set(words.map(({ userId }) => userId))];
  if (ids.length === 0) return new Map();
  const { rows } = await db.execute<{ id: string; name: string }>(sql`
    select id, name from users where id = any(${`{${ids.join(',')}}`}::uuid[])`);
  return new Map(rows.map(({ id, name }) => [id, name]));
}
