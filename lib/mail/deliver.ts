import { setTimeout as delay } from 'node:timers/promises';
import { sql, type SQL } from 'drizzle-orm';
import type { EmailLink } from './links';
import { db as openDb, type Db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { oneMore } from '@/db/one-more';
import type { MailEnd } from '@/db/schema/mail';
import { env as readEnv, type Env } from '@/lib/env';
import { fewAtOnce } from '@/lib/few-at-once';
import { openLog, type Log } from '@/lib/log';
import { isFirstToday } from '@/lib/once-a-day';
import { listenToOutbox, makeWake } from '@/lib/outbox-listener';
import { newId } from '@/lib/random';
import { failedTurn, inHandTurn, moveTurn } from './mail-turn';
import { mailChannel, type Mail } from './outbox';
import { readMail } from './read-mail';
import { isOverByLease, watchLeases, type EndedLease, type LeaseWatch } from './watch-leases';
import { openTransport, type MailTransport } from './transport';

/** Until then, and some time beyond (`watchLeases`), nobody else sends a mail whose mailer died … */
const leaseSeconds = 60;

/**
 * … while one that is being sent or recorded is held on to, for as long as this process runs: so often, and again this soon where
 * the database did not hear it.
 */
const renewEveryMs = 15_000;
const renewAgainMs = 1_000;

/**
 * What became of a mail is known to nobody else, so a database that is away is told again and again; the first pause in between,
 * and the longest, which is well below the time for which another mailer watches (`watchLeases`).
 */
const recordAgainMs = 500;
const recordAgainAtMostMs = 4_000;

/** Who is to stop goes on with that no longer than this, which is more than a statement takes that is never answered. */
const recordWhenStoppingMs = 20_000;

/**
 * Of the connections of a process, so many at most say what becomes of its mails: each may wait for a lock that someone holds on
 * the table, and texts need the others.
 */
const toldAtOnce = 3;

/** Mails that one process begins side by side. */
const atOnce = 8;

/** One that takes longer gives its place to another, and is waited for beside them. */
const slowAfterMs = 2_000;

/** So many may be slow; with the others no more than the transport's connections. */
const mostSlow = 24;

/** Of what is due, at least so many are looked at: more than the other mailers can be taking at that moment. */
const lookedAt = 100;

/** Without a notification, new work is found this soon. */
const pollMs = 5_000;

/** After a round that failed. */
const pauseMs = 1_000;

/** A claim whose answer was lost may still take hold so long after. */
const lostForMs = 90_000;

/** After the first failure, the second …; after the last of them a mail is given up. */
const pausesSeconds = [30, 120, 600, 1_800, 7_200, 21_600, 43_200];

/** Mailers that died over the same mail: with so many attempts, of which none was recorded, it is not begun again. */
const mostAttempts = 16;

/** What is known of a claimed mail: its row, and of its link as much as the address takes. */
type ClaimedMail = Pick<Mail, 'id' | 'to' | 'template' | 'params' | 'attempts'> & {
  link: (Pick<EmailLink, 'id' | 'purpose' | 'nonce'> & { userId: string | null; isOver: boolean }) | null;
  isExpired: boolean;
};

export type MailerOptions = {
  db?: Db;
  env?: Env;
  transport?: MailTransport;
  /** Gets each finished line of the log; standard error when absent. */
  log?: (line: string) => void;
};

/**
 * Sends what the outbox of mail holds, until stopped. Any number of processes may run it at the same time.
 *
 * Each mail is claimed under a lease, which is renewed while it is being sent, and recorded, again and again where the database
 * is away or someone holds its row. One whose sender dies is sent again once the lease is over and nobody renews it: at least once,
 * with the same Message-ID. A failure puts it off, eight in all end it; what was given up is logged and stays in its row.
 *
 * `stop()` claims nothing more and resolves when every claimed mail is recorded.
 */
export function runMailer(options: MailerOptions = {}): { stop(): Promise<void> } {
  const env = options.env ?? readEnv();
  const log = openLog({ level: env.logLevel, write: options.log });
  if (env.mail.via === 'off') return { stop: async () => undefined };
  const transport = options.transport ?? openTransport(env);
  const wake = makeWake();
  const stopping = new AbortController();
  const { signal } = stopping;
  const running = Promise.all([
    listenToOutbox(env.databaseUrl, { channel: mailChannel, wake: wake.ring, log, signal }),
    loop(),
  ]);

  async function loop(): Promise<void> {
    const db = options.db ?? openDb();
    const inHand = new Map<string, InHand>();
    const freed = makeWake();
    const lost = new Map<string, number>();
    const work = { db, transport, log, signal, tell: fewAtOnce(toldAtOnce) };
    const watch = watchLeases();
    while (!signal.aborted) {
      const slowSince = performance.now() - slowAfterMs;
      const onTheirWay = [...inHand.values()].filter(({ isOut }) => !isOut);
      const quick = onTheirWay.filter(({ begunMs }) => begunMs > slowSince).length;
      const room = Math.min(atOnce - quick, atOnce + mostSlow - onTheirWay.length);
      const leaseId = newId();
      let isMore = false;
      try {
        await giveBackLost(db, lost);
        const mine = [...inHand.keys()];
        const abandoned = await watch.look(db, mine);
        const claimed = room > 0 ? await claimMails(db, leaseId, { room, inHand: mine, abandoned }) : [];
        for (const mail of claimed) {
          const its = { begunMs: performance.now(), isOut: false };
          const noteOut = () => {
            its.isOut = true;
            freed.ring();
          };
          const sending = handle(work, mail, { leaseId, noteOut }).finally(() => {
            inHand.delete(mail.id);
            freed.ring();
          });
          inHand.set(mail.id, Object.assign(its, { sending }));
        }
        isMore = claimed.length === room;
      } catch (error) {
        // The database may be restarting. Whatever this claim took all the same is given back when it answers again.
        lost.set(leaseId, performance.now());
        log.warn('mail_round_failed', { error });
        await delay(pauseMs, undefined, { signal }).catch(() => undefined);
        continue;
      }
      if (!isMore) await wake.wait(pollMs, signal);
      // One that takes its time holds up none of the others.
      else if (inHand.size > 0) await freed.wait(slowAfterMs, signal);
    }
    await Promise.all([...inHand.values()].map(({ sending }) => sending));
  }

  return {
    stop: async () => {
      stopping.abort();
      wake.ring();
      await running;
      transport.close();
    },
  };
}

/** `isOut`: it was handled, and its record has to wait, which keeps nobody else's mail waiting. */
type InHand = { begunMs: number; isOut: boolean; sending: Promise<void> };

/** `signal`: whoever runs this is to stop. `tell`: runs what says in the database how it goes with a mail. */
type Sending = {
  db: Db;
  transport: MailTransport;
  log: Log;
  signal?: AbortSignal;
  tell: ReturnType<typeof fewAtOnce>;
};

/**
 * Claims what is due, `atOnce` at most, and sends it; of what others had claimed only what `watch` finds abandoned. Out: how many
 * mails were claimed.
 */
export async function sendDueMails(
  db: Db,
  transport: MailTransport,
  log: Log,
  watch?: LeaseWatch,
): Promise<number> {
  const leaseId = newId();
  const abandoned = (await watch?.look(db, [])) ?? [];
  const claimed = await claimMails(db, leaseId, { room: atOnce, inHand: [], abandoned });
  const work = { db, transport, log, tell: fewAtOnce(toldAtOnce) };
  await Promise.all(claimed.map((mail) => handle(work, mail, { leaseId, noteOut: () => undefined })));
  return claimed.length;
}

/** What became of a mail that was claimed. */
type Outcome = { is: 'sent' } | { is: 'over'; reason: MailEnd } | { is: 'failed'; cause: string };

/** Sends a claimed mail and records what became of it. Never fails. `noteOut`: the record has to wait. */
async function handle(
  work: Sending,
  mail: ClaimedMail,
  { leaseId, noteOut }: { leaseId: string; noteOut: () => void },
): Promise<void> {
  const { db, log } = work;
  const done = new AbortController();
  const renewing = renewLease(work, { id: mail.id, leaseId, signal: done.signal });
  try {
    const outcome = await sendMail(work, mail).catch((error: unknown): Outcome => {
      log.error('mail_failed', { mail: mail.id, error });
      return { is: 'failed', cause: 'fault' };
    });
    const record = () => recordOutcome(db, log, { mail, leaseId, outcome });
    await recordSurely(work, mail, { record, noteOut });
  } finally {
    done.abort();
    await renewing;
  }
}

/** Holds on to a mail that takes its time. */
async function renewLease(
  { db, log, tell }: Sending,
  { id, leaseId, signal }: { id: string; leaseId: string; signal: AbortSignal },
): Promise<void> {
  const pause = (ms: number) => delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
  await pause(renewEveryMs);
  while (!signal.aborted) {
    const renewed = await tell(() =>
      changeMail(db, {
        id,
        leaseId,
        change: sql`leased_until = now() + make_interval(secs => ${leaseSeconds})`,
      }),
    ).catch((error: unknown) => log.debug('mail_lease_not_renewed', { mail: id, error }));
    await pause(renewed === true ? renewEveryMs : renewAgainMs);
  }
}

/**
 * Records until the database has heard it and nobody else holds the row, for as long as this process runs: nobody else knows
 * whether the mail went out. `record`: false where someone holds it.
 */
async function recordSurely(
  { log, signal, tell }: Sending,
  { id }: ClaimedMail,
  { record, noteOut }: { record: () => Promise<boolean>; noteOut: () => void },
): Promise<void> {
  let stoppedMs: number | null = null;
  for (let tries = 1; ; tries += 1) {
    try {
      if (await tell(record)) return;
      throw new HeldByOthers();
    } catch (error) {
      if (signal?.aborted) stoppedMs ??= performance.now();
      if (stoppedMs !== null && performance.now() - stoppedMs > recordWhenStoppingMs) {
        log.warn('mail_not_recorded', { mail: id, error });
        return;
      }
      if (tries === 1) {
        log.warn('mail_record_retried', { mail: id, error });
        noteOut();
      }
      const pauseMs = Math.min(recordAgainAtMostMs, recordAgainMs * 2 ** Math.floor(tries / 20));
      await delay(pauseMs);
    }
  }
}

class HeldByOthers extends Error {
  override message = 'Someone else holds the row of this mail';
}

async function sendMail({ transport, log }: Sending, mail: ClaimedMail): Promise<Outcome> {
  const { link } = mail;
  const over = (reason: MailEnd): Outcome => ({ is: 'over', reason });
  if (link !== null && link.purpose === 'reset' && link.userId === null) return over('no_account');
  if (mail.isExpired) return over('expired');
  if (mail.attempts > mostAttempts) {
    log.error('mail_given_up', { mail: mail.id, cause: 'its mailers died' });
    return over('given_up');
  }
  // What happened to an account is told also where it cannot be undone by this link any more.
  const isOver = link?.isOver === true;
  if (isOver && link.purpose !== 'not_me') return over('link_over');
  const words = readMail(isOver ? { ...mail, link: null } : mail);
  const outcome = await transport.send({ id: mail.id, to: mail.to, ...words });
  if (outcome.ok) return { is: 'sent' };
  log.warn('mail_not_sent', { mail: mail.id, template: mail.template, cause: outcome.cause });
  return outcome.reason === 'refused' ? over('refused') : { is: 'failed', cause: outcome.cause };
}

/** Takes what is due under a lease: see `claimDue`. */
async function claimMails(
  db: Db,
  leaseId: string,
  { room, inHand, abandoned }: { room: number; inHand: string[]; abandoned: EndedLease[] },
): Promise<ClaimedMail[]> {
  const { rows } = await db.execute<{
    id: string;
    to: string;
    template: string;
    params: Record<string, string>;
    attempts: number;
    is_expired: boolean;
    link_id: string | null;
    purpose: EmailLink['purpose'];
    nonce: Buffer;
    link_user_id: string | null;
    is_over: boolean;
  }>(claimDue(leaseId, { room, inHand, abandoned }));
  return rows.map((row) => ({
    id: row.id,
    to: row.to,
    template: row.template,
    params: row.params,
    attempts: row.attempts,
    isExpired: row.is_expired,
    link:
      row.link_id === null
        ? null
        : {
            id: row.link_id,
            purpose: row.purpose,
            nonce: row.nonce,
            userId: row.link_user_id,
            isOver: row.is_over,
          },
  }));
}

const waits = sql`sent_at is null and ended_at is null`;

/**
 * Takes what is due under a lease, in the order of the turns (`turnOf`), of each turn the oldest first. What someone has
 * in hand is left alone, even where its lease is over, but for what was `abandoned`: its lease is still that very one. By the database's clock, as all that follows: `now()`, which an index
 * can be read by, is the beginning of this statement, which is a transaction of its own.
 *
 * Each step of the recursion reads the next turn at which something waits, until there is enough: so it reads a page of what
 * waits, however much that is. Those are then found by their ids; `coalesce` keeps the planner from looking for them among all
 * that wait, of which it may believe that there is nothing.
 */
function claimDue(
  leaseId: string,
  { room, inHand, abandoned }: { room: number; inHand: string[]; abandoned: EndedLease[] },
): SQL {
  const isFree = sql`(leased_until is null or lease_id is null or (turn not between ${inHandTurn} and ${failedTurn - 1} and ${isOverByLease})
    or (id, lease_id, leased_until) in (select * from unnest(${toIds(abandoned.map(({ id }) => id))},
      ${toIds(abandoned.map((each) => each.leaseId))}, ${toMoments(abandoned.map(({ until }) => until))})))`;
  return sql`
    with recursive line as (
      select -2147483648 as turn, '{}'::uuid[] as ids, 0 as found
      union all
      select next.turn, page.ids, found + cardinality(page.ids)
      from line
        cross join lateral (select turn from mails where ${waits} and turn > line.turn order by turn limit 1) next
        cross join lateral (select array(
          select id from mails where ${waits} and turn = next.turn and send_after <= now() and ${isFree}
            and id <> all(${toIds(inHand)})
          order by send_after limit ${lookedAt}) as ids) page
      where found < ${lookedAt}
    ), front as materialized (
      select array(select id from line, unnest(ids) with ordinality each (id, place) order by turn, place) as ids
    ), taken as materialized (
      select id from mails
      where id = any((select ids from front)::uuid[]) and coalesce(sent_at, ended_at) is null and ${isFree}
      order by array_position((select ids from front), id)
      limit ${room} for update skip locked
    ), claimed as (
      update mails set lease_id = ${leaseId}, attempts = ${oneMore(sql`greatest(attempts, 0)`)},
        leased_until = now() + make_interval(secs => ${leaseSeconds}), turn = ${moveTurn(sql`turn`, inHandTurn)}
      where id = any(array(select id from taken))
      returning id, to_address, template, params, attempts, link_id, expires_at <= now() as is_expired
    )
    select claimed.id, to_address as "to", template, params, attempts, is_expired, link.id as link_id, purpose, nonce,
      link.user_id as link_user_id, used_at is not null or ended_at is not null as is_over
    from claimed left join email_links link on link.id = claimed.link_id
    order by array_position((select ids from front), claimed.id)`;
}

/**
 * Gives back what claims took whose answer was lost, as if they had not been made: nothing of it was sent. For a while, since such
 * a statement may be on its way still.
 */
async function giveBackLost(db: Db, lost: Map<string, number>): Promise<void> {
  if (lost.size === 0) return;
  await db.execute(sql`
    update mails set lease_id = null, leased_until = null, attempts = attempts - 1,
      turn = ${moveTurn(sql`turn`, 0)} + case when attempts > 1 then ${failedTurn}::int else 0 end
    where ${waits} and turn between ${inHandTurn} and ${failedTurn - 1} and lease_id = any(${toIds([...lost.keys()])})`);
  const since = performance.now() - lostForMs;
  for (const [leaseId, atMs] of lost) if (atMs < since) lost.delete(leaseId);
}

function toIds(ids: string[]): SQL {
  return sql`${`{${ids.join(',')}}`}::uuid[]`;
}

function toMoments(moments: string[]): SQL {
  return sql`${sql.param(moments)}::timestamptz[]`;
}

/**
 * Changes a mail without waiting for whoever holds its row. False: someone does. True: it is changed, or is not there any more,
 * or not under this lease. `leaseId`: null for any.
 */
async function changeMail(
  db: Db,
  { id, leaseId, change }: { id: string; leaseId: string | null; change: SQL },
): Promise<boolean> {
  const isOurs = leaseId === null ? sql`id = ${id}` : sql`id = ${id} and lease_id = ${leaseId}`;
  const { rows } = await db.execute<{ is_held: boolean }>(sql`
    with free as materialized (select id from mails where ${isOurs} for no key update skip locked),
    changed as (update mails set ${change} where id = (select id from free) returning 1)
    select not exists (select from changed) and exists (select from mails where ${isOurs}) as is_held`);
  return !rows[0]!.is_held;
}

async function recordOutcome(
  db: Db,
  log: Log,
  { mail, leaseId, outcome }: { mail: ClaimedMail; leaseId: string; outcome: Outcome },
): Promise<boolean> {
  if (outcome.is === 'sent') return record(db, mail.id);
  if (outcome.is === 'over') return end(db, mail.id, leaseId, outcome.reason);
  return putOff(db, mail, leaseId, log, outcome.cause);
}

/** It went out, also where the lease ran out meanwhile: nobody is to send it again. */
async function record(db: Db, id: string): Promise<boolean> {
  return changeMail(db, {
    id,
    leaseId: null,
    change: sql`sent_at = coalesce(sent_at, clock_timestamp()), lease_id = null, leased_until = null, ended_at = null,
      reason = null`,
  });
}

async function end(db: Db, id: string, leaseId: string, reason: MailEnd): Promise<boolean> {
  return changeMail(db, {
    id,
    leaseId,
    change: sql`ended_at = clock_timestamp(), reason = ${reason}, lease_id = null, leased_until = null`,
  });
}

/** After a failure: later again, or given up, which is told once a day. */
async function putOff(db: Db, mail: ClaimedMail, leaseId: string, log: Log, cause: string): Promise<boolean> {
  const pauseSeconds = pausesSeconds[mail.attempts - 1];
  if (pauseSeconds === undefined) {
    if (!(await end(db, mail.id, leaseId, 'given_up'))) return false;
    if (await isFirstToday(db, 'mail_given_up', databaseNow()))
      log.error('mail_given_up', { mail: mail.id, cause });
    return true;
  }
  return changeMail(db, {
    id: mail.id,
    leaseId,
    change: sql`send_after = clock_timestamp() + make_interval(secs => ${pauseSeconds}),
      turn = ${moveTurn(sql`turn`, failedTurn)}, lease_id = null, leased_until = null`,
  });
}
