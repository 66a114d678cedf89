import { sql } from 'drizzle-orm';
import type { BulkForecast } from '@/db/schema/bulk';
import type { ApplicationStatus } from '@/db/schema/applications';
import type { Db } from '@/db/client';
import { isDatabaseFault } from '@/db/database-fault';
import type { User } from '@/lib/accounts/users';
import { reminderDays } from '@/lib/applications/move-application';
import { moves } from '@/lib/applications/moves';
import { templateOf } from '@/lib/applications/note-news';
import { seenBy, type Viewer } from '@/lib/applications/who-sees';
import { env } from '@/lib/env';
import { isReachedByMail } from '@/lib/mail/tell-owner';
import { newId } from '@/lib/random';
import { priceOf } from '@/lib/sms/capacity/price';
import { applySendPolicy } from '@/lib/sms/dispatch/send-policy';
import { openLog } from '@/lib/log';
import { readImaginedFacts, type ImaginedText, type PolicyFacts } from '@/lib/sms/dispatch/send-policy-facts';
import { countSegments } from '@/lib/sms/outbox/segments';
import { renderText } from '@/lib/sms/outbox/text-templates';
import { isMovedTooOften } from './moved-too-often';

/** So many texts are imagined in one statement, and asked about before others have their turn in this process. */
const batchRows = 100;

/** A row that is odd is looked for with so many statements more than it takes without one; then it may be any of those it came with. */
const mostSearches = 200;

type Applicant = Pick<User, 'id' | 'emailProvenAt'> & { phone: string | null; isOpen: boolean };

/**
 * Says what the moves of a draft would lead to: to whom news would go by which way, what the texts would cost, and which would wait for
 * quiet hours. The texts are imagined, and asked about by the very rules that are asked when they go out. People about whom that cannot be
 * asked are counted by themselves. `goOn` is asked behind each batch; null: it said no.
 */
export async function foresee(
  db: Db,
  viewer: Viewer,
  { id, to }: { id: string; to: ApplicationStatus },
  now: Date,
  goOn: () => Promise<boolean>,
): Promise<BulkForecast | null> {
  const forecast: BulkForecast = {
    ...{ at: now.toISOString(), people: 0, texts: 0, mails: 0, unreached: 0 },
    ...{ segments: 0, priceMicros: 0, held: 0, heldFrom: null, heldUntil: null, unseen: 0 },
    ...{ reminders: 0, reminderMicros: 0, tooOften: 0 },
  };
  const people = new Set<string>();
  const odd: Odd = { people: new Set(), searchesLeft: mostSearches, error: null };
  for (let nth = 0; ;) {
    const batch = await readApplicants(db, viewer, { id, to, behind: nth }, now);
    forecast.tooOften += batch.tooOften;
    await addBatch(db, forecast, batch.applicants, { to, now, odd });
    forecast.unreached += batch.withoutAccount;
    forecast.people += batch.withoutAccount;
    for (const applicant of batch.applicants) people.add(applicant.id);
    if (batch.last === null) break;
    nth = batch.last;
    if (!(await goOn())) return null;
  }
  forecast.people += people.size;
  if (forecast.unseen > 0) {
    openLog().warn('bulk_forecast_incomplete', { bulk: id, count: forecast.unseen, error: odd.error });
  }
  return forecast;
}

/** The statuses from which someone may move to one. */
export function sourcesOf(to: ApplicationStatus, { role }: Pick<Viewer, 'role'>): ApplicationStatus[] {
  return moves.filter((move) => move.to === to && move.by.includes(role)).map(({ from }) => from);
}

/** The applicants of the next applications that would be moved as they are, each as often as they applied. */
async function readApplicants(
  db: Db,
  viewer: Viewer,
  { id, to, behind }: { id: string; to: ApplicationStatus; behind: number },
  now: Date,
): Promise<{ applicants: Applicant[]; withoutAccount: number; tooOften: number; last: number | null }> {
  const from = `{${sourcesOf(to, viewer).join(',')}}`;
  const { rows } = await db.execute<{
    nth: number;
    is_movable: boolean;
    is_too_often: boolean;
    user_id: string | null;
    phone: string | null;
    email_proven_at: string | null;
    is_open: boolean;
  }>(sql`
    with items as materialized (
      select nth, application_id, version from bulk_items where bulk_id = ${id} and nth > ${behind} order by nth limit ${batchRows}
    )
    select i.nth, a.id is not null and a.status = any(${from}::text[]) and a.version = i.version as is_movable,
      ${isMovedTooOften(sql`i.application_id`, now)} as is_too_often, u.id as user_id, u.phone, u.email_proven_at, coalesce(u.deactivated_at is null, false) as is_open
    from items i left join applications a on a.id = i.application_id and ${seenBy(viewer)} left join users u on u.id = a.applicant_id
    order by i.nth`);
  const movable = rows.filter((row) => row.is_movable && !row.is_too_often);
  return {
    applicants: movable.flatMap((row) =>
      row.user_id === null
        ? []
        : [
            {
              id: row.user_id,
              phone: row.phone,
              emailProvenAt: row.email_proven_at === null ? null : new Date(row.email_proven_at),
              isOpen: row.is_open,
            },
          ],
    ),
    withoutAccount: movable.filter((row) => row.user_id === null).length,
    tooOften: rows.filter((row) => row.is_movable && row.is_too_often).length,
    last: rows.length < batchRows ? null : rows.at(-1)!.nth,
  };
}

/** What could not be looked at: whom it was found to be about, how often more it may be searched for, and the last error. */
type Odd = { people: Set<string>; searchesLeft: number; error: unknown };

async function addBatch(
  db: Db,
  forecast: BulkForecast,
  applicants: readonly Applicant[],
  { to, now, odd }: { to: ApplicationStatus; now: Date; odd: Odd },
): Promise<void> {
  const template = templateOf[to === 'documents_needed' ? 'documents' : 'news'];
  const params = { site: env().siteName, url: new URL('/applications', env().appUrl).href };
  const segments = countSegments(renderText(template, params).body);
  const reminderSegments = countSegments(renderText(templateOf.reminder, params).body);
  const reminders = to === 'documents_needed' ? reminderDays.length : 0;
  // One for each person, however often they applied.
  const imagined = new Map<string, ImaginedText>();
  for (const { id: userId, phone, isOpen } of applicants) {
    if (phone === null || !isOpen) continue;
    const about = { userId, phone, template, params, createdAt: now };
    imagined.set(userId, { id: newId(), purpose: 'update', ...about });
  }
  const texts = [...imagined.values()].filter(({ userId }) => !odd.people.has(userId!));
  const facts = await readFacts(db, texts, odd);
  for (const applicant of applicants) {
    const text = imagined.get(applicant.id);
    const answer = text === undefined ? null : await ask(facts.get(text.id), now, odd);
    if (answer === 'unseen') forecast.unseen += 1;
    else if (answer !== null && answer.answer !== 'refuse') {
      forecast.texts += 1;
      forecast.segments += segments;
      forecast.priceMicros += segments * priceOf(env(), text!.phone);
      forecast.reminders += reminders;
      forecast.reminderMicros += reminders * reminderSegments * priceOf(env(), text!.phone);
      if (answer.answer === 'hold') addHeld(forecast, answer.until.toISOString());
    } else if (applicant.isOpen && isReachedByMail(applicant)) {
      forecast.mails += 1;
      forecast.reminders += reminders;
    } else forecast.unreached += 1;
  }
}

/**
 * The facts of each text, by its id. One row that cannot be read fails the statement for all: so it is asked in halves then, until the
 * odd one is alone, and only that one is missing.
 */
async function readFacts(
  db: Db,
  texts: readonly ImaginedText[],
  odd: Odd,
): Promise<ReadonlyMap<string, PolicyFacts>> {
  if (texts.length === 0) return new Map();
  try {
    const facts = await readImaginedFacts(db, texts);
    return new Map(facts.map((each) => [each.message.id, each]));
  } catch (error) {
    if (isDatabaseFault(error)) throw error;
    odd.error = error;
    if (texts.length === 1) odd.people.add(texts[0]!.userId!);
    if (texts.length === 1 || odd.searchesLeft <= 0) return new Map();
  }
  odd.searchesLeft -= 2;
  const middle = Math.ceil(texts.length / 2);
  const first = await readFacts(db, texts.slice(0, middle), odd);
  return new Map([...first, ...(await readFacts(db, texts.slice(middle), odd))]);
}

async function ask(facts: PolicyFacts | undefined, now: Date, odd: Odd) {
  if (facts === undefined) return 'unseen';
  try {
    return await applySendPolicy(facts, { now, env: env() });
  } catch (error) {
    if (isDatabaseFault(error)) throw error;
    odd.error = error;
    return 'unseen';
  }
}

function addHeld(forecast: BulkForecast, until: string): void {
  forecast.held += 1;
  if (forecast.heldFrom === null || until < forecast.heldFrom) forecast.heldFrom = until;
  if (forecast.heldUntil === null || until > forecast.heldUntil) forecast.heldUntil = until;
}
