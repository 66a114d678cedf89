import { sql, type SQL } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { plannedAnew } from '@/db/prepared-statements';
import { timestamp } from '@/db/timestamp';
import type { Log } from '@/lib/log';
import { settleText } from './status-report';
import type { Provider, ProviderText } from '@/lib/sms/provider/provider';

/** How long a text that is missing something is asked about, at distances that grow with its age. */
const checkForMs = 48 * 3600 * 1000;

/** So many texts are asked about in one round … */
const roundTexts = 200;
/** … so many at the same moment: the database's connections are for those that go out. */
const atOnce = 10;

/** A page of the list is asked for instead of single texts where at least so many were accepted close to each other. */
const worthwhileTexts = 5;
/** Texts belong to one stretch of the list while the next was accepted within this. */
const gapMs = 2 * 60_000;
/**
 * The list goes by when a text was sent, by the provider's clock, and begins with the newest. So this is how many of others' have
 * to be read before ours; what waited longer at the provider is asked about by itself.
 */
const aroundMs = 30_000;
/** Our texts are short: a page is some hundred kilobytes. */
const pageSize = 200;
/** One page for so many texts, or the list costs more than it saves. */
const textsPerPage = 10;

type Due = { id: string; sid: string; acceptedMs: number };
type Work = { db: Db; provider: Provider; now: Date; log: Log };

/**
 * Asks the provider about texts whose final state or price has not come by itself: by pages of its list where many were
 * accepted close to each other, and one by one those that are alone, or not in it (an earlier sender's, or not sent yet).
 * Several processes may do so at the same time: a text is put off to its next check in the statement that picks it.
 *
 * In: `which`, of all texts those that this provider is asked about, as an expression over their rows.
 *
 * @returns how many were asked about
 */
export async function reconcileTexts(
  db: Db,
  provider: Provider,
  { now, log, which = sql`true`, limit = roundTexts }: { now: Date; log: Log; which?: SQL; limit?: number },
): Promise<number> {
  const work = { db, provider, now, log };
  const due = await claimDue(work, which, limit);
  const left: Due[] = [];
  for (const stretch of groupByTime(due)) {
    left.push(...(stretch.length < worthwhileTexts ? stretch : await askByPages(work, stretch)));
  }
  await askOneByOne(work, left);
  return due.length;
}

async function claimDue({ db, now }: Work, which: SQL, limit: number): Promise<Due[]> {
  const at = timestamp(now);
  // A clock that was wrong must not stop the round: a moment more than a day ahead of us, or years ago, says nothing.
  const latest = sql`(${at} + interval '1 day')`;
  const said = sql`case when m.sent_at <= ${latest} then m.sent_at else m.created_at end`;
  const accepted = sql`greatest(least(${said}, ${latest}), ${at} - interval '1 year')`;
  const { rows } = await db.execute<{ id: string; provider_sid: string; accepted_ms: number }>(sql`
    ${plannedAnew} with due as (
      select id from sms_messages where check_at <= ${at} and provider_sid is not null and ${which}
      order by check_at limit ${limit} for update skip locked
    )
    update sms_messages m
    set reconciled_at = ${at},
        check_at = case when ${at} - ${accepted} < ${checkForMs / 1000}::float8 * interval '1 second'
          then ${at} + least(interval '1 hour', greatest(interval '2 seconds', ${at} - ${accepted}))
        end
    from due where m.id = due.id
    returning m.id, m.provider_sid,
      (extract(epoch from ${accepted}) * 1000)::float8 as accepted_ms`);
  return rows.map((row) => ({ id: row.id, sid: row.provider_sid, acceptedMs: row.accepted_ms }));
}

function groupByTime(texts: readonly Due[]): Due[][] {
  const stretches: Due[][] = [];
  for (const text of [...texts].sort((a, b) => a.acceptedMs - b.acceptedMs)) {
    const stretch = stretches.at(-1);
    const last = stretch?.at(-1);
    if (stretch && last && text.acceptedMs - last.acceptedMs <= gapMs) stretch.push(text);
    else stretches.push([text]);
  }
  return stretches;
}

/** Out: those that the list did not have, as far as it was worth reading. */
async function askByPages(work: Work, stretch: readonly Due[]): Promise<Due[]> {
  const { provider, log } = work;
  const open = new Map(stretch.map((text) => [text.sid, text]));
  const since = new Date(stretch[0]!.acceptedMs - aroundMs);
  const until = new Date(stretch.at(-1)!.acceptedMs + aroundMs);
  let page: string | null = null;
  let pagesLeft = Math.max(1, Math.floor(stretch.length / textsPerPage));
  do {
    const listed = await provider.listTexts({ direction: 'out', since, until, pageSize, page });
    if (!listed.ok) {
      log.warn('sms_reconcile_unanswered', { count: open.size, fault: listed.fault });
      break;
    }
    const found = listed.texts.filter(({ sid }) => open.has(sid));
    await inBatches(found, async (text) => settle(work, open.get(text.sid)!, text));
    for (const { sid } of found) open.delete(sid);
    page = listed.nextPage;
    pagesLeft -= 1;
  } while (page !== null && open.size > 0 && pagesLeft > 0);
  return [...open.values()];
}

/** Ends with the first that is not answered: the others have their next check, as it has. */
async function askOneByOne(work: Work, texts: readonly Due[]): Promise<void> {
  const { provider, log } = work;
  let isAnswered = true;
  await inBatches(texts, async (text) => {
    if (!isAnswered) return;
    const asked = await provider.readText(text.sid);
    if (!asked.ok) {
      isAnswered = false;
      log.warn('sms_reconcile_unanswered', { message: text.id, fault: asked.fault });
    } else if (asked.text !== null) await settle(work, text, asked.text);
  });
}

async function settle({ db, now, log }: Work, { id }: Due, text: ProviderText): Promise<void> {
  await settleText(db, id, text, { now, log }).catch((error: unknown) =>
    log.error('sms_reconcile_failed', { message: id, error }),
  );
}

async function inBatches<Item>(items: readonly Item[], act: (item: Item) => Promise<void>): Promise<void> {
  for (let first = 0; first < items.length; first += atOnce) {
    await Promise.all(items.slice(first, first + atOnce).map(act));
  }
}
