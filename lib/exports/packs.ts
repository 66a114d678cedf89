import { sql, type SQL } from 'drizzle-orm';
import { type ExportState, type PackSubject } from '@/db/schema/reports';
import type { Db } from '@/db/client';
import type { SessionUser } from '@/lib/accounts/sessions';
import { findUser } from '@/lib/accounts/users';
import { listNumbersInLedger } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { env } from '@/lib/env';
import { markNumber } from '@/lib/phone/mark';
import { maskPhone } from '@/lib/phone/parse';
import { isId } from '@/lib/random';
import { openPhoneId, sealPhoneId } from '@/lib/reporting/phone-id';
import { readHeldNumber } from '@/lib/sms/numbers/number';
import {
  keptMs,
  near,
  openJob,
  recordDownload,
  startJob,
  type ExportRequestAnswer,
  type JobFile,
} from './export-jobs';
import { publicPackKey } from './pack-signature';

/** Whom a pack is asked for about: an account, or a number, whoever has or had it. */
export type PackAbout = { userId: string } | { phone: string };

/** `nobody`: there is no such account, or not any more. */
export type PackRequestAnswer = ExportRequestAnswer | { ok: false; reason: 'nobody' };

/**
 * Asks for an evidence pack: all that is kept about the texts of an account, or of a number, within a period. For an admin who has
 * shown within ten minutes who they are, since the numbers in it are whole; written down in the audit log, which names a number by its
 * keyed mark. What happens after `now` is not in it.
 *
 * An account is asked for with every number that it names or named. Of one that was deleted, its number finds what is left.
 */
export async function requestPack(
  db: Db,
  admin: SessionUser,
  { about, from, to }: { about: PackAbout; from: Date; to: Date },
  context: RequestContext,
): Promise<PackRequestAnswer> {
  const subject = await readSubject(db, about);
  if (subject === null) return { ok: false, reason: 'nobody' };
  const named: Record<string, string> =
    subject.kind === 'person' ? { person: subject.userId } : { number: markNumber(subject.phone) };
  return startJob(
    db,
    admin,
    { kind: 'evidence', format: 'zip', wholeNumbers: true, subject, fromAt: from, toAt: to },
    (id) => ({ action: 'pack_requested', details: { pack: id, ...named } }),
    context,
  );
}

async function readSubject(db: Db, about: PackAbout): Promise<PackSubject | null> {
  if ('phone' in about) return { kind: 'number', phone: about.phone };
  const user = isId(about.userId) ? await findUser(db, about.userId) : null;
  if (user === null) return null;
  const named = await listNumbersInLedger(db, user.id);
  const phones = [...new Set(user.phone === null ? named : [user.phone, ...named])].sort();
  const held = await readHeldNumber(db, user);
  return {
    ...{ kind: 'person', userId: user.id, phones },
    held: held && { phone: held.phone, since: held.since.toISOString() },
  };
}

/** Whom a form is about, as it names them to the admin. */
export type SeenPackSubject =
  { kind: 'person'; id: string; name: string } | { kind: 'number'; phoneId: string; maskedPhone: string };

/** A pack as admins see it. */
export type ListedPack = {
  id: string;
  /** Null: the account is gone, or the row is of another version. */
  about: SeenPackSubject | null;
  from: Date;
  to: Date;
  /** Null: their account is gone. */
  requestedBy: string | null;
  createdAt: Date;
  state: ExportState;
  rows: number;
  bytes: number;
  /** Until when it can be downloaded; null: it is not done. */
  keptUntil: Date | null;
};

export type PacksPage = {
  /** Whom the form is about; null: nobody was chosen, and a number can be typed. */
  chosen: SeenPackSubject | null;
  packs: ListedPack[];
  /** What everyone can check packs of this installation with. */
  publicKey: string;
};

/** Reads the page of packs; `person` is an account's id, `phoneId` what the page of a number goes by: null where none is chosen. */
export async function readPacksPage(
  db: Db,
  { person, phoneId }: { person: string | null; phoneId: string | null },
): Promise<PacksPage> {
  const phone = phoneId === null ? null : openPhoneId(phoneId);
  const [user, packs] = await Promise.all([
    person !== null && isId(person) ? findUser(db, person) : null,
    listPacks(db),
  ]);
  return {
    chosen: user
      ? { kind: 'person', id: user.id, name: user.name }
      : phone === null
        ? null
        : seeNumberOf(phone),
    packs,
    publicKey: publicPackKey(env().authSecrets[0]),
  };
}

function seeNumberOf(phone: string): SeenPackSubject {
  return { kind: 'number', phoneId: sealPhoneId(phone), maskedPhone: maskPhone(phone) };
}

/** The account that a subject is about, also where a row has something else there. */
const personIn = (subject: SQL) =>
  sql`case when ${subject} ->> 'userId' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then (${subject} ->> 'userId')::uuid end`;

/** The packs that are there or under way, the newest first, a hundred at most. */
async function listPacks(db: Db): Promise<ListedPack[]> {
  const { rows } = await db.execute<{
    id: string;
    subject: PackSubject | null;
    person: string | null;
    from_at: string;
    to_at: string;
    maker: string | null;
    created_at: string;
    state: ExportState;
    rows: string;
    bytes: string;
    ended_at: string | null;
  }>(sql`
    select e.id, subject, about.name as person, ${near('from_at')} as from_at, ${near('to_at')} as to_at, maker.name as maker,
      ${near('e.created_at')} as created_at, state, rows, bytes, ${near('ended_at')} as ended_at
    from export_jobs e left join users maker on maker.id = e.requested_by
      left join users about on about.id = ${personIn(sql`e.subject`)}
    where kind = 'evidence' and state <> 'removed'
    order by e.created_at desc limit 100`);
  return rows.map((row) => {
    const { id, subject, person, maker, state } = row;
    const endedAt = row.ended_at === null ? null : new Date(row.ended_at);
    return {
      ...{ id, state, requestedBy: maker, rows: Number(row.rows), bytes: Number(row.bytes) },
      about:
        subject?.kind === 'number'
          ? seeNumberOf(subject.phone)
          : subject && person !== null
            ? { kind: 'person', id: subject.userId, name: person }
            : null,
      from: new Date(row.from_at),
      to: new Date(row.to_at),
      createdAt: new Date(row.created_at),
      keptUntil: state === 'done' && endedAt !== null ? new Date(endedAt.getTime() + keptMs) : null,
    };
  });
}

/**
 * A finished pack to be downloaded by an admin, which is written down in the audit log. Null: there is none, or none any more. Read
 * piece by piece, as `openExport`.
 */
export async function openPack(
  db: Db,
  admin: SessionUser,
  id: string,
  context: RequestContext,
): Promise<(JobFile & { createdAt: Date }) | 'confirm_first' | null> {
  const file = await openJob(db, admin, id, sql`kind = 'evidence'`, context);
  if (file === null || file === 'confirm_first') return file;
  await recordDownload(db, admin, 'pack_downloaded', { pack: id }, context);
  return file;
}
