import { setTimeout as delay } from 'node:timers/promises';
import { sql, type SQL } from 'drizzle-orm';
import type { EmailLink } from './links';
import { db as openDb, type Db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { isDatabaseFault } from '@/db/database-fault';
import { oneMore } from '@/db/one-more';
import type { MailEnd } from '@/db/schema/mail';
import { env as readEnv, type Env } from '@/lib/env';
import { openLog, type Log } from '@/lib/log';
import { isFirstToday } from '@/lib/once-a-day';
import { listenToOutbox, makeWake } from '@/lib/outbox-listener';
import { newId } from '@/lib/random';
import { failedTurn, inHandTurn, moveTurn } from './mail-turn';
import { mailChannel, type Mail } from './outbox';
import { readMail } from './read-mail';
import { openTransport, type MailTransport } from './transport';

/** Longer than a mail takes whose server answers each command in its last moment, one that waits for a connection too. */
const leaseSeconds = 300;

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

/** After the first failure, the second …; after the last of them a mail is given up. */
const pausesSeconds = [30, 120, 600, 1_800, 7_200, 21_600, 43_200];

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
 * Each mail is claimed under a lease, sent, and recorded. One whose sender dies is sent again once the lease is over: at least
 * once, with the same Message-ID. A failure puts it off, eight in all end it; what was given up is logged and stays in its row.
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
    const inHand = new Map<Promise<void>, number>();
    while (!signal.aborted) {
      const slowSince = performance.now() - slowAfterMs;
      const quick = [...inHand.values()].filter((begunMs) => begunMs > slowSince).length;
      const room = Math.min(atOnce - quick, atOnce + mostSlow - inHand.size);
      let isMore = false;
      try {
        const started = room > 0 ? await startDueMails({ db, transport, log }, room) : [];
        for (const sending of started) {
          inHand.set(sending, performance.now());
          void sending.finally(() => inHand.delete(sending));
        }
        isMore = started.length === room;
      } catch (error) {
        // The database may be restarting; nothing is lost, since what was claimed is under a lease.
        log.warn('mail_round_failed', { error });
      }
      if (!isMore) await wake.wait(pollMs, signal);
      // One that takes its time holds up none of the others.
      else if (inHand.size > 0)
        await Promise.race([...inHand.keys(), delay(slowAfterMs, undefined, { ref: false })]);
    }
    await Promise.all(inHand.keys());
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

type Sending = { db: Db; transport: MailTransport; log: Log };

/** Claims what is due, `atOnce` at most, and sends it. Out: how many mails were claimed. */
export async function sendDueMails(db: Db, transport: MailTransport, log: Log): Promise<number> {
  const sending = await startDueMails({ db, transport, log }, atOnce);
  await Promise.all(sending);
  return sending.length;
}

/** Claims what is due, `room` at most, and begins to send it. Out: for each the promise of its record, which never fails. */
async function startDueMails(sending: Sending, room: number): Promise<Promise<void>[]> {
  const leaseId = newId();
  const claimed = await claimMails(sending.db, leaseId, room);
  return claimed.map((mail) => handle(sending, mail, leaseId));
}

async function handle({ db, transport, log }: Sending, mail: ClaimedMail, leaseId: string): Promise<void> {
  try {
    await sendMail(db, transport, mail, leaseId, log);
  } catch (error) {
    // What the database is to blame for counts for no mail: its lease runs out, and it is claimed again.
    if (isDatabaseFault(error)) {
      log.warn('mail_not_recorded', { mail: mail.id, error });
      return;
    }
    log.error('mail_failed', { mail: mail.id, error });
    await putOff(db, mail, leaseId, log, 'fault').catch((fault: unknown) =>
      log.warn('mail_not_recorded', { mail: mail.id, error: fault }),
    );
  }
}

async function sendMail(
  db: Db,
  transport: MailTransport,
  mail: ClaimedMail,
  leaseId: string,
  log: Log,
): Promise<void> {
  const { link } = mail;
  if (link !== null && link.purpose === 'reset' && link.userId === null) {
    return end(db, mail.id, leaseId, 'no_account');
  }
  if (mail.isExpired) return end(db, mail.id, leaseId, 'expired');
  // What happened to an account is told also where it cannot be undone by this link any more.
  const isOver = link?.isOver === true;
  if (isOver && link.purpose !== 'not_me') return end(db, mail.id, leaseId, 'link_over');
  const words = readMail(isOver ? { ...mail, link: null } : mail);
  const outcome = await transport.send({ id: mail.id, to: mail.to, ...words });
  if (outcome.ok) return record(db, mail.id);
  log.warn('mail_not_sent', { mail: mail.id, template: mail.template, cause: outcome.cause });
  if (outcome.reason === 'refused') return end(db, mail.id, leaseId, 'refused');
  return putOff(db, mail, leaseId, log, outcome.cause);
}

/** Takes what is due under a lease: see `claimDue`. */
async function claimMails(db: Db, leaseId: string, room: number): Promise<ClaimedMail[]> {
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
  }>(claimDue(leaseId, room));
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

/** A lease that ends further ahead than any was written by a clock that was wrong, and counts for nothing. */
const isFree = sql`(leased_until is null or leased_until <= now()
  or leased_until > now() + make_interval(secs => ${2 * leaseSeconds}))`;

/**
 * Takes what is due under a lease, in the order of the turns (`turnOf`), of each turn the oldest first. By the database's clock, as all that follows: `now()`, which an index
 * can be read by, is the beginning of this statement, which is a transaction of its own.
 *
 * Each step of the recursion reads the next turn at which something waits, until there is enough: so it reads a page of what
 * waits, however much that is. Those are then found by their ids; `coalesce` keeps the planner from looking for them among all
 * that wait, of which it may believe that there is nothing.
 */
function claimDue(leaseId: string, room: number): SQL {
  return sql`
    with recursive line as (
      select -1 as turn, '{}'::uuid[] as ids, 0 as found
      union all
      select next.turn, page.ids, found + cardinality(page.ids)
      from line
        cross join lateral (select turn from mails where ${waits} and turn > line.turn order by turn limit 1) next
        cross join lateral (select array(
          select id from mails where ${waits} and turn = next.turn and send_after <= now() and ${isFree}
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

/** It went out, also where the lease ran out meanwhile: nobody is to send it again. */
async function record(db: Db, id: string): Promise<void> {
  await db.execute(sql`
    update mails set sent_at = coalesce(sent_at, clock_timestamp()), lease_id = null, leased_until = null, ended_at = null,
      reason = null
    where id = ${id}`);
}

async function end(db: Db, id: string, leaseId: string, reason: MailEnd): Promise<void> {
  await db.execute(sql`
    update mails set ended_at = clock_timestamp(), reason = ${reason}, lease_id = null, leased_until = null
    where id = ${id} and lease_id = ${leaseId}`);
}

/** After a failure: later again, or given up, which is told once a day. */
async function putOff(db: Db, mail: ClaimedMail, leaseId: string, log: Log, cause: string): Promise<void> {
  const pauseSeconds = pausesSeconds[mail.attempts - 1];
  if (pauseSeconds === undefined) {
    await end(db, mail.id, leaseId, 'given_up');
    if (await isFirstToday(db, 'mail_given_up', databaseNow()))
      log.error('mail_given_up', { mail: mail.id, cause });
    return;
  }
  await db.execute(sql`
    update mails set send_after = clock_timestamp() + make_interval(secs => ${pauseSeconds}),
      turn = ${moveTurn(sql`turn`, failedTurn)}, lease_id = null, leased_until = null
    where id = ${mail.id} and lease_id = ${leaseId}`);
}
