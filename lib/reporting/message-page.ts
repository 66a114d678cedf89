import { eq, sql } from 'drizzle-orm';
import type { NewsState, NoticeKind } from '@/db/schema/applications';
import {
  smsMessages,
  smsVerifications,
  type MessageDetails,
  type MessageStatus,
  type SendClass,
  type VerificationEvent,
} from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { isDatabaseFault } from '@/db/database-fault';
import { openLog } from '@/lib/log';
import { hideNumbers } from '@/lib/phone/hide-numbers';
import { maskPhone } from '@/lib/phone/parse';
import { isId } from '@/lib/random';
import { env } from '@/lib/env';
import { explainEnd, explainWaiting, type Gate } from '@/lib/sms/dispatch/explain-text';
import { readAdminTimeZone } from './admin-time-zone';
import { sealPhoneId } from './phone-id';
import type { SeenText } from './sms-texts';

/** One text as operators see it, with all that happened to it. */
export type SeenMessage = SeenText & {
  direction: 'out' | 'in';
  /** Whose it is; null: nobody's, or their account is gone. */
  person: { id: string; name: string } | null;
  sid: string | null;
  /** Our own side: a number, a messaging service, or the console. */
  sender: string | null;
  /** What the provider calls its state. */
  providerStatus: string | null;
  /** Codes only: in which class they count. */
  sendClass: SendClass | null;
  attempts: number;
  faults: number;
  sendAfter: Date;
  expiresAt: Date | null;
  details: MessageDetails | null;
  /** The application that it tells of; null: none. */
  applicationId: string | null;
  /** What happened and what is planned, in the order of time. */
  life: LifeEvent[];
  /** What stands, or stood, between it and the person; null: it went out, or came in. */
  gates: Gate[] | null;
};

/** Something in the life of a text, or of what it is for. */
export type LifeEvent = { at: Date } & (
  | { kind: 'text'; what: TextMoment }
  | { kind: 'challenge'; what: 'opened' | 'consumed' | 'ended'; endedBy: string | null }
  | { kind: 'attempt'; event: VerificationEvent; reason: string | null; times: number; lastAt: Date | null }
  | { kind: 'notice'; what: 'due' | 'decided'; notice: NoticeKind; state: NewsState }
  | { kind: 'answer' }
  /** Another text that this one repeats, or that repeats this one. */
  | { kind: 'try'; id: string; isEarlier: boolean; status: MessageStatus; reason: string | null }
);

/** What the moments in a text's own row say. */
export type TextMoment =
  | 'received'
  | 'written'
  | 'claimed'
  | 'let_through'
  | 'called'
  | 'faulted'
  | 'sent'
  | 'delivered'
  | 'failed'
  | 'canceled'
  | 'settled'
  | 'asked_about'
  | 'erased'
  | 'unknown'
  | 'due'
  | 'check_due'
  | 'worthless';

export type MessagePage = {
  message: SeenMessage;
  /** In which moments are said to the admin. */
  timeZone: string;
};

type Row = typeof smsMessages.$inferSelect;

/** Reads what an admin sees of one text; null: there is none with this id. A code is never part of it. */
export async function readMessagePage(
  db: Db,
  id: string,
  { adminId, now }: { adminId: string; now: Date },
): Promise<MessagePage | null> {
  const [row] = isId(id) ? await db.select().from(smsMessages).where(eq(smsMessages.id, id)) : [];
  if (row === undefined) return null;
  const [person, tries, challenge, attempts, answers, gates, timeZone] = await Promise.all([
    readPerson(db, row.userId),
    listTries(db, row.id),
    readChallenge(db, row.challengeId),
    listAttemptsOf(db, row),
    listAnswers(db, row),
    explainGates(db, row, now),
    readAdminTimeZone(db, adminId),
  ]);
  const notices = await listNotices(db, [row.dedupeKey, ...tries.map((each) => each.dedupe_key)]);
  const life: LifeEvent[] = [
    ...notices.events,
    ...challenge,
    ...attempts,
    ...momentsOf(row),
    ...tries.map((each) => ({
      ...{ kind: 'try' as const, id: each.id, status: each.status, reason: each.reason },
      at: new Date(each.created_at),
      isEarlier: each.is_earlier,
    })),
    ...answers.events,
  ];
  life.sort((a, b) => a.at.getTime() - b.at.getTime());
  return {
    message: {
      ...describeMessage(row),
      person,
      applicationId: notices.applicationId ?? answers.applicationId,
      life,
      gates,
    },
    timeZone,
  };
}

function describeMessage(row: Row): Omit<SeenMessage, 'person' | 'applicationId' | 'life' | 'gates'> {
  const { id, createdAt, purpose, template, status, direction, segments, errorCode, reason } = row;
  const { sender, providerStatus, sendClass, attempts, faults, sendAfter, expiresAt } = row;
  return {
    ...{ id, createdAt, purpose, template, status, direction, segments, errorCode, reason },
    ...{ sender, providerStatus, sendClass, attempts, faults, sendAfter, expiresAt },
    maskedPhone: row.phone === '' ? null : maskPhone(row.phone),
    phoneId: row.phone === '' ? null : sealPhoneId(row.phone),
    sid: row.providerSid,
    priceUsd: row.price,
    settled: row.priceSettledAt !== null,
    inboundBody: row.direction === 'in' && row.body !== null ? hideNumbers(row.body) : null,
    details: readDetails(row.details),
  };
}

async function explainGates(db: Db, row: Row, now: Date): Promise<Gate[] | null> {
  if (row.status !== 'queued' && row.status !== 'sending') {
    return explainEnd({ ...row, details: readDetails(row.details) });
  }
  try {
    return await explainWaiting(db, row.id, { env: env(), now });
  } catch (error) {
    if (isDatabaseFault(error)) throw error;
    // A row that is broken is looked for all the more; the rest of it can be shown.
    openLog().warn('text_not_explained', { message: row.id, error });
    return null;
  }
}

/** Details as our own code writes them: single values by name, and nothing else that a row may hold. */
function readDetails(details: unknown): MessageDetails | null {
  if (typeof details !== 'object' || details === null || Array.isArray(details)) return null;
  const single = Object.entries(details).filter(([, value]) => value === null || typeof value !== 'object');
  return Object.fromEntries(single) as MessageDetails;
}

/** What a text's own row tells, in the order in which it happens where two moments are one. */
function momentsOf(row: Row): LifeEvent[] {
  const isIn = row.direction === 'in';
  const isOpen = row.status === 'queued' || row.status === 'sending';
  const isSent = row.sentAt !== null;
  const moments: [TextMoment, Date | null][] = [
    [isIn ? 'received' : 'written', row.createdAt],
    ['claimed', row.firstClaimedAt],
    ['let_through', row.reservedAt],
    ['called', row.attempts > 0 ? row.attemptedAt : null],
    ['faulted', isSent ? null : row.faultedAt],
    ['unknown', row.unknownSince],
    ['sent', isIn ? null : row.sentAt],
    ['delivered', row.deliveredAt],
    [row.status === 'canceled' ? 'canceled' : 'failed', row.failedAt],
    ['settled', row.priceSettledAt],
    ['asked_about', row.reconciledAt],
    ['erased', row.erasedAt],
    ['due', isOpen ? row.sendAfter : null],
    ['check_due', row.checkAt],
    ['worthless', isOpen ? row.expiresAt : null],
  ];
  // PostgreSQL has moments that are none, `infinity`.
  return moments.flatMap(([what, at]) =>
    at === null || Number.isNaN(at.getTime()) ? [] : [{ kind: 'text', what, at }],
  );
}

async function readPerson(db: Db, userId: string | null): Promise<SeenMessage['person']> {
  if (userId === null) return null;
  const { rows } = await db.execute<{ id: string; name: string }>(
    sql`select id, name from users where id = ${userId}`,
  );
  return rows[0] ?? null;
}

const mostTries = 20;

/** The texts that a text repeats, and those that repeat it. */
async function listTries(db: Db, id: string) {
  const { rows } = await db.execute<{
    id: string;
    created_at: string;
    status: MessageStatus;
    reason: string | null;
    dedupe_key: string | null;
    is_earlier: boolean;
  }>(sql`
    with recursive earlier as (
      select m.id, m.retry_of from sms_messages m where m.id = ${id}
      union select m.id, m.retry_of from earlier join sms_messages m on m.id = earlier.retry_of
    ), later as (
      select m.id from sms_messages m where m.id = ${id}
      union select m.id from later join sms_messages m on m.dedupe_key = 'retry:' || later.id::text
    ), tries as (
      select id, true as is_earlier from earlier union select id, false from later
    )
    select m.id, m.created_at, m.status, m.reason, m.dedupe_key, is_earlier
    from tries join sms_messages m on m.id = tries.id where m.id <> ${id}
    order by m.created_at limit ${mostTries}`);
  return rows;
}

async function readChallenge(db: Db, challengeId: string | null): Promise<LifeEvent[]> {
  if (challengeId === null) return [];
  const { createdAt, consumedAt, endedAt, endedBy } = smsVerifications;
  const [row] = await db
    .select({ createdAt, consumedAt, endedAt, endedBy })
    .from(smsVerifications)
    .where(eq(smsVerifications.id, challengeId));
  if (row === undefined) return [];
  const moments = [
    ['opened', row.createdAt],
    ['consumed', row.consumedAt],
    ['ended', row.endedAt],
  ] as const;
  return moments.flatMap(([what, at]) =>
    at === null ? [] : [{ kind: 'challenge' as const, what, at, endedBy: row.endedBy }],
  );
}

const mostAttempts = 50;

/** What the verification log says about the code of a text. */
async function listAttemptsOf(db: Db, { userId, challengeId }: Row): Promise<LifeEvent[]> {
  if (userId === null || challengeId === null) return [];
  const { rows } = await db.execute<{
    at: string;
    event: VerificationEvent;
    reason: string | null;
    times: number;
    last_at: string | null;
  }>(sql`
    select at, event, reason, times, last_at from sms_verification_log
    where user_id = ${userId} and challenge_id = ${challengeId} order by id limit ${mostAttempts}`);
  return rows.map(({ at, event, reason, times, last_at: lastAt }) => ({
    ...{ kind: 'attempt' as const, event, reason, times },
    at: new Date(at),
    lastAt: lastAt === null ? null : new Date(lastAt),
  }));
}

/** What an applicant was to hear of by a text, which its key names, or that of the text it repeats. */
async function listNotices(
  db: Db,
  dedupeKeys: readonly (string | null)[],
): Promise<{ events: LifeEvent[]; applicationId: string | null }> {
  const id = dedupeKeys
    .map((key) => /^application:(.*)$/.exec(key ?? '')?.[1])
    .find((named) => named !== undefined && isId(named));
  if (id === undefined) return { events: [], applicationId: null };
  const { rows } = await db.execute<{
    application_id: string;
    kind: NoticeKind;
    state: NewsState;
    due_at: string;
    decided_at: string | null;
  }>(sql`select application_id, kind, state, due_at, decided_at from application_notices where id = ${id}`);
  const row = rows[0];
  if (row === undefined) return { events: [], applicationId: null };
  const notice = { kind: 'notice' as const, notice: row.kind, state: row.state };
  return {
    applicationId: row.application_id,
    events: [
      { ...notice, what: 'due', at: new Date(row.due_at) },
      ...(row.decided_at === null
        ? []
        : [{ ...notice, what: 'decided' as const, at: new Date(row.decided_at) }]),
    ],
  };
}

/** The application that a person's text joined as an answer. */
async function listAnswers(
  db: Db,
  { id, direction, userId }: Row,
): Promise<{ events: LifeEvent[]; applicationId: string | null }> {
  if (direction !== 'in' || userId === null) return { events: [], applicationId: null };
  const { rows } = await db.execute<{ application_id: string; at: string }>(sql`
    select e.application_id, e.at from applications a join application_events e on e.application_id = a.id
    where a.applicant_id = ${userId} and e.message_id = ${id} limit 1`);
  const row = rows[0];
  if (row === undefined) return { events: [], applicationId: null };
  return { applicationId: row.application_id, events: [{ kind: 'answer', at: new Date(row.at) }] };
}
