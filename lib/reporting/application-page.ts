import { sql } from 'drizzle-orm';
import type { Role } from '@/db/schema/accounts';
import type {
  ApplicationEventKind,
  ApplicationStatus,
  NewsState,
  NoticeKind,
} from '@/db/schema/applications';
import type { MessageStatus } from '@/db/schema/sms';
import type { Db } from '@/db/client';
import { findUser, type User } from '@/lib/accounts/users';
import { findApplication, type Application } from '@/lib/applications/application';
import { readNewsMail } from '@/lib/applications/news-mail';
import { readReach, type ApplicationTemplate, type NoTextReason, type Reach } from '@/lib/applications/reach';
import { inSeenOrder, isSeenOf } from '@/lib/applications/seen-events';
import { idOfMany } from '@/lib/applications/shown-move';
import { readUndoSeconds } from '@/lib/applications/undo-time';
import { movesFrom } from '@/lib/applications/moves';
import { seenBy, seesInternal, type Viewer } from '@/lib/applications/who-sees';
import { env } from '@/lib/env';
import { maskPhone } from '@/lib/phone/parse';
import { candidateZones } from '@/lib/phone/zones';
import { priceOf } from '@/lib/sms/capacity/price';
import { countSegments } from '@/lib/sms/outbox/segments';
import { renderText } from '@/lib/sms/outbox/text-templates';
import { readPreferences } from '@/lib/sms/preferences/preferences';
import { defaultQuietWindow, nextAllowedInstant, type QuietWindow } from '@/lib/sms/preferences/quiet-hours';
import { lastTry, listAssignable, type Assignable } from './applications-list';

/** Whom an application is of, as far as those who see to it need to know. */
export type SeenApplicant =
  | {
      kind: 'account';
      id: string;
      name: string;
      email: string;
      isEmailProven: boolean;
      maskedPhone: string | null;
      isDeactivated: boolean;
    }
  | { kind: 'no_account'; name: string }
  /** Their account was deleted. */
  | { kind: 'gone' };

/** Whether and how news reaches an applicant. */
export type SeenReach = {
  /** Null: texts reach them. */
  noText: NoTextReason | 'no_account' | 'gone' | 'deactivated' | null;
  byMail: boolean;
  /** Where texts reach them and it is quiet time now: until then they wait. */
  quietUntil: Date | null;
  /** The applicant's, for quiet hours; null: it is not known. */
  timeZone: string | null;
};

/** What an applicant would hear of a move that is made now. */
export type NewsPreview =
  | { by: 'text'; body: string; segments: number; priceMicros: number; arrivesAt: Date; isHeld: boolean }
  | { by: 'mail'; subject: string; text: string }
  | { by: 'nothing' };

/** What was to be heard of an event, and what became of it. */
export type SeenNotice = {
  id: string;
  kind: NoticeKind;
  state: NewsState;
  dueAt: Date;
  /** Of news that went as a text: what became of that; null: nothing is known of it any more. */
  textStatus: MessageStatus | null;
  /** Why a text waits or failed, as the outbox keeps it. */
  textReason: string | null;
  /** Until then a text waits; null: it does not. */
  textWaitsUntil: Date | null;
};

export type SeenEvent = {
  id: number;
  at: Date;
  kind: ApplicationEventKind;
  fromStatus: ApplicationStatus | null;
  toStatus: ApplicationStatus | null;
  actorRole: Role;
  /** Null: their account is gone. */
  actor: string | null;
  note: string | null;
  /** Null for brokers, too. */
  internalNote: string | null;
  /** It came as a text. */
  byText: boolean;
  undoneAt: Date | null;
  /** Until then the applicant does not see it; null: they do. */
  hiddenUntil: Date | null;
  notices: SeenNotice[];
};

export type ApplicationPage = {
  application: Application;
  isAnswered: boolean;
  applicant: SeenApplicant;
  reach: SeenReach;
  assignee: { id: string; name: string } | null;
  /** Newest first. */
  events: SeenEvent[];
  /** Leads on to older events; null at the end. */
  olderEvents: number | null;
  /** Where it can be moved to by whoever looks, and what its applicant would hear. */
  moves: { to: ApplicationStatus; preview: NewsPreview }[];
  /** Who can be given it; empty for those who do not decide that. */
  assignable: Assignable[];
  undoSeconds: number;
  /** The viewer's last move, while it can be taken back. */
  undo: { eventId: number; to: ApplicationStatus; until: Date } | null;
  /** The viewer's, in which moments are said to them; null: it is not known. */
  timeZone: string | null;
};

const eventsPerPage = 20;

/** Reads all that the page of one application shows to one of the operator's people; null: it is not theirs to see. */
export async function readApplicationPage(
  db: Db,
  viewer: Viewer,
  id: string,
  { eventsBefore, now }: { eventsBefore: number | null; now: Date },
): Promise<ApplicationPage | null> {
  const application = await findApplication(db, viewer, id);
  if (application === null) return null;
  const { applicantId, assigneeId, status } = application;
  const [user, assignee, events, undo, assignable, undoSeconds, preferences] = await Promise.all([
    applicantId === null ? null : findUser(db, applicantId),
    assigneeId === null ? null : findUser(db, assigneeId),
    listEvents(db, viewer, id, { before: eventsBefore, now }),
    findUndo(db, viewer, id, now),
    seesInternal(viewer) ? listAssignable(db) : [],
    readUndoSeconds(db, viewer.userId),
    readPreferences(db, viewer.userId),
  ]);
  const seenFrom = new Date(now.getTime() + undoSeconds * 1000);
  const { reach, previewOf } = await judgeReach(db, application, user, { now, seenFrom });
  return {
    application,
    isAnswered:
      status === 'documents_needed' &&
      application.answeredAt !== null &&
      application.answeredAt >= application.movedAt,
    applicant: describeApplicant(application, user),
    reach,
    assignee: assignee && { id: assignee.id, name: assignee.name },
    ...events,
    moves: movesFrom(status, viewer.role).map((to) => ({ to, preview: previewOf(to) })),
    assignable,
    undoSeconds,
    undo,
    timeZone: preferences?.timeZone ?? null,
  };
}

function describeApplicant({ applicantName }: Application, user: User | null): SeenApplicant {
  if (user === null) {
    return applicantName === null ? { kind: 'gone' } : { kind: 'no_account', name: applicantName };
  }
  return {
    kind: 'account',
    id: user.id,
    name: user.name,
    email: user.email,
    isEmailProven: user.emailProvenAt !== null,
    maskedPhone: user.phone === null ? null : maskPhone(user.phone),
    isDeactivated: user.deactivatedAt !== null,
  };
}

/** How an applicant is reached now, and what they would hear of a move that is seen from `seenFrom` on. */
async function judgeReach(
  db: Db,
  application: Application,
  user: User | null,
  { now, seenFrom }: { now: Date; seenFrom: Date },
): Promise<{ reach: SeenReach; previewOf: (to: ApplicationStatus) => NewsPreview }> {
  if (user === null || user.deactivatedAt !== null) {
    const noText = user !== null ? 'deactivated' : application.applicantName === null ? 'gone' : 'no_account';
    return {
      reach: { noText, byMail: false, quietUntil: null, timeZone: null },
      previewOf: () => ({ by: 'nothing' }),
    };
  }
  // One switch is about all news of an application, so what holds for one text holds for the other.
  const found = await readReach(db, user, 'applicationStatus', now);
  const { noText, byMail, preferences } = found;
  const timeZone = preferences?.timeZone ?? null;
  if (noText !== null || user.phone === null) {
    return {
      reach: { noText: noText ?? 'no_phone', byMail, quietUntil: null, timeZone },
      previewOf: (to) => (byMail ? { by: 'mail', ...readNewsMail(noticeOf(to)) } : { by: 'nothing' }),
    };
  }
  const { phone } = user;
  const { window, zones } = await readQuiet(found, phone);
  const arrivalFrom = (from: Date) =>
    window === null ? from : nextAllowedInstant({ window, zones, now: from }).at;
  const fromNow = arrivalFrom(now);
  const arrivesAt = arrivalFrom(seenFrom);
  return {
    reach: { noText: null, byMail, quietUntil: fromNow > now ? fromNow : null, timeZone },
    previewOf: (to) => {
      const { body } = renderText(templateOf(to), {
        site: env().siteName,
        url: new URL('/applications', env().appUrl).href,
      });
      const segments = countSegments(body);
      const priceMicros = segments * priceOf(env(), phone);
      return { by: 'text', body, segments, priceMicros, arrivesAt, isHeld: arrivesAt > seenFrom };
    },
  };
}

function noticeOf(to: ApplicationStatus): NoticeKind {
  return to === 'documents_needed' ? 'documents' : 'news';
}

function templateOf(to: ApplicationStatus): ApplicationTemplate {
  return to === 'documents_needed' ? 'documentsNeeded' : 'applicationStatus';
}

/** The quiet hours that the send policy will hold a text against. */
async function readQuiet(
  { preferences }: Reach,
  phone: string,
): Promise<{ window: QuietWindow | null; zones: readonly string[] }> {
  const zones = preferences?.timeZone ? [preferences.timeZone] : await candidateZones(phone);
  if (preferences === null) return { window: defaultQuietWindow, zones };
  const { quietHoursEnabled, quietHoursStart: start, quietHoursEnd: end } = preferences;
  return { window: quietHoursEnabled ? { start, end } : null, zones };
}

type EventRow = {
  id: string;
  at: string;
  kind: ApplicationEventKind;
  from_status: ApplicationStatus | null;
  to_status: ApplicationStatus | null;
  actor_role: Role;
  actor: string | null;
  note: string | null;
  internal_note: string | null;
  by_text: boolean;
  undone_at: string | null;
  shows_at: string;
};

/** The timeline as one of the operator's people sees it: brokers without what is for staff and admins alone. */
async function listEvents(
  db: Db,
  viewer: Viewer,
  applicationId: string,
  { before, now }: { before: number | null; now: Date },
): Promise<{ events: SeenEvent[]; olderEvents: number | null }> {
  const isInternalSeen = seesInternal(viewer);
  const { rows } = await db.execute<EventRow>(sql`
    select e.id::text as id, e.at, e.kind, e.from_status, e.to_status, e.actor_role, p.name as actor, e.note,
      ${isInternalSeen ? sql`e.internal_note` : sql`null`} as internal_note, e.message_id is not null as by_text, e.undone_at,
      e.shows_at
    from application_events e left join users p on p.id = e.actor_id
    where ${isInternalSeen ? sql`e.application_id = ${idOfMany(applicationId)}` : isSeenOf(applicationId)}
      ${before === null ? sql`` : sql`and e.id < ${before}`}
    order by ${isInternalSeen ? sql`e.id desc` : inSeenOrder.last} limit ${eventsPerPage + 1}`);
  const shown = rows.slice(0, eventsPerPage);
  const notices = await listNotices(db, shown, now);
  return {
    events: shown.map((row) => readEvent(row, notices.get(row.id) ?? [], now)),
    olderEvents: rows.length > eventsPerPage ? Number(shown.at(-1)!.id) : null,
  };
}

function readEvent(row: EventRow, notices: SeenNotice[], now: Date): SeenEvent {
  const showsAt = new Date(row.shows_at);
  const undoneAt = row.undone_at === null ? null : new Date(row.undone_at);
  return {
    id: Number(row.id),
    at: new Date(row.at),
    kind: row.kind,
    fromStatus: row.from_status,
    toStatus: row.to_status,
    actorRole: row.actor_role,
    actor: row.actor,
    note: row.note,
    internalNote: row.internal_note,
    byText: row.by_text,
    undoneAt,
    hiddenUntil: undoneAt === null && showsAt > now ? showsAt : null,
    notices,
  };
}

async function listNotices(
  db: Db,
  events: readonly EventRow[],
  now: Date,
): Promise<Map<string, SeenNotice[]>> {
  const byEvent = new Map<string, SeenNotice[]>();
  const ids = events.filter(({ kind }) => kind === 'moved').map(({ id }) => id);
  if (ids.length === 0) return byEvent;
  const { rows } = await db.execute<{
    id: string;
    event_id: string;
    kind: NoticeKind;
    state: NewsState;
    due_at: string;
    text_status: MessageStatus | null;
    text_reason: string | null;
    send_after: string | null;
  }>(sql`
    select n.id, n.event_id::text as event_id, n.kind, n.state, n.due_at, t.status as text_status, t.reason as text_reason,
      t.send_after
    from application_notices n ${lastTry(sql`n.message_id`)}
    where n.event_id = any(${`{${ids.join(',')}}`}::bigint[]) order by n.due_at, n.id`);
  for (const row of rows) {
    const sendAfter = row.send_after === null ? null : new Date(row.send_after);
    const waits = row.text_status === 'queued' && sendAfter !== null && sendAfter > now;
    const notice: SeenNotice = {
      id: row.id,
      kind: row.kind,
      state: row.state,
      dueAt: new Date(row.due_at),
      textStatus: row.text_status,
      textReason: row.text_reason,
      textWaitsUntil: waits ? sendAfter : null,
    };
    byEvent.set(row.event_id, [...(byEvent.get(row.event_id) ?? []), notice]);
  }
  return byEvent;
}

/** The last move of an application, if this person made it and can take it back still. */
async function findUndo(
  db: Db,
  viewer: Viewer,
  applicationId: string,
  now: Date,
): Promise<ApplicationPage['undo']> {
  const { rows } = await db.execute<{
    id: string;
    to_status: ApplicationStatus;
    shows_at: string;
    mine: boolean;
  }>(sql`
    select e.id::text as id, e.to_status, e.shows_at, e.actor_id = ${viewer.userId} as mine from application_events e
    where e.application_id = ${idOfMany(applicationId)} and e.kind = 'moved' and e.undone_at is null
    order by e.id desc limit 1`);
  const last = rows[0];
  if (!last?.mine || new Date(last.shows_at) <= now) return null;
  return { eventId: Number(last.id), to: last.to_status, until: new Date(last.shows_at) };
}

/** What someone did last to an application, for those who wanted to do something to it at the same time. */
export type LastChange = {
  kind: ApplicationEventKind | 'undone';
  at: Date;
  /** Null: the applicant, or someone whose account is gone. */
  actor: string | null;
  actorRole: Role;
  /** Where it is now. */
  status: ApplicationStatus;
};

/** Reads it, as far as the viewer may see it; null: there is nothing to tell. */
export async function readLastChange(db: Db, viewer: Viewer, id: string): Promise<LastChange | null> {
  const { rows } = await db.execute<{
    kind: ApplicationEventKind;
    at: string;
    undone_at: string | null;
    actor: string | null;
    actor_role: Role;
    status: ApplicationStatus;
  }>(sql`
    select e.kind, e.at, e.undone_at, p.name as actor, e.actor_role, a.status
    from applications a join application_events e on e.application_id = a.id left join users p on p.id = e.actor_id
    where a.id = ${id} and ${seenBy(viewer)} and e.kind <> 'noted' ${seesInternal(viewer) ? sql`` : sql`and e.kind <> 'assigned'`}
    order by e.id desc limit 1`);
  const row = rows[0];
  if (!row) return null;
  return {
    kind: row.undone_at === null ? row.kind : 'undone',
    at: new Date(row.undone_at ?? row.at),
    actor: row.actor_role === 'applicant' ? null : row.actor,
    actorRole: row.actor_role,
    status: row.status,
  };
}
