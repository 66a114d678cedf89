import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import type { ApplicationStatus } from '@/db/schema/applications';
import { decideNotices } from '@/lib/applications/decide-notices';
import { readMyApplication } from '@/lib/applications/my-applications';
import { moveApplication, undoMove } from '@/lib/applications/move-application';
import { saveUndoSeconds } from '@/lib/applications/undo-time';
import type { Viewer } from '@/lib/applications/who-sees';
import { fewAtOnce } from '@/lib/few-at-once';
import { openLog } from '@/lib/log';
import { PaceClock } from '@/lib/sms/capacity/pace-clock';
import { developmentSender } from '@/lib/sms/senders/sender';
import { claimSends, lookForWork } from '@/lib/sms/dispatch/claim';
import { sendClaimed, startSending, type Sending } from '@/lib/sms/dispatch/send';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { saveQuietHours } from '@/lib/sms/preferences/save-quiet-hours';
import { turnTextsOff } from '@/lib/sms/preferences/text-switches';
import { openConsole } from '@/lib/sms/provider/console';
import { giveStaff } from '@/tests/support/applications';
import { useDatabase } from '@/tests/support/database';
import { contextAt } from '@/tests/support/people';
import { randomFrom } from '@/tests/support/random';
import { makeEnv } from '@/tests/support/texts';

const database = useDatabase();

/** 5,000 of them take minutes a night: `NIGHT_APPLICANTS=5000`, before a release. */
const applicantsANight = Number(process.env.NIGHT_APPLICANTS ?? 400);
const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

const zones = [
  'America/New_York',
  'America/Chicago',
  'America/Denver',
  'America/Phoenix',
  'America/Los_Angeles',
  'Pacific/Honolulu',
] as const;

/** Area codes, and where someone with such a number may be: Idaho and South Dakota are split, 555 is nowhere. */
const areas: [code: string, zones: readonly string[]][] = [
  ['212', ['America/New_York']],
  ['312', ['America/Chicago']],
  ['303', ['America/Denver']],
  ['602', ['America/Phoenix']],
  ['213', ['America/Los_Angeles']],
  ['808', ['Pacific/Honolulu']],
  ['208', ['America/Denver', 'America/Los_Angeles']],
  ['605', ['America/Chicago', 'America/Denver']],
  [
    '555',
    [
      'America/New_York',
      'America/Chicago',
      'America/Denver',
      'America/Los_Angeles',
      'America/Anchorage',
      'Pacific/Honolulu',
    ],
  ],
];

type Window = readonly [start: string, end: string];

type Hours = {
  /** Null: off. */
  window: Window | null;
  /** Null: by the number. */
  zone: string | null;
};

/** Quiet hours of the small hours begin or end in, or span, the one that is missing in March and doubled in November. */
const smallHours: readonly Window[] = [
  ['01:00', '02:00'],
  ['01:30', '02:30'],
  ['02:00', '03:00'],
  ['02:15', '02:45'],
  ['02:30', '07:45'],
  ['00:30', '01:30'],
  ['23:00', '03:00'],
  ['22:30', '02:30'],
  ['22:00', '02:00'],
  ['20:30', '01:15'],
];
const usualHours: readonly Window[] = [
  ['20:00', '09:00'],
  ['21:00', '08:00'],
  ['19:30', '10:00'],
];

type Act = { atMs: number } & (
  | { kind: 'move'; to: ApplicationStatus; mover: number }
  | { kind: 'undo' | 'withdraw' | 'stop' | 'start' | 'off' }
  | { kind: 'hours'; hours: Hours }
);

type Applicant = {
  userId: string;
  phone: string;
  application: string;
  hours: Hours;
  zonesOfNumber: readonly string[];
  acts: Act[];
};

type Night = { fromMs: number; minutes: number };

/** The same numbers from 0 to below 1 at each run. */
function makeRandom(seed: number) {
  const next = randomFrom(seed);
  const between = (low: number, high: number) => Math.floor(low + (high - low) * next());
  const pick = <Item>(items: readonly Item[]): Item => items[between(0, items.length)]!;
  return { next, between, pick };
}
type Random = ReturnType<typeof makeRandom>;

/** How long each of the staff may take a move back. */
const undoSeconds = [10, 10, 10, 15, 30, 45, 60, 75, 90, 120];
const longestUndoMs = Math.max(...undoSeconds) * secondMs;

function planHours(random: Random): Hours {
  const luck = random.next();
  const zone = random.next() < 0.6 ? random.pick(zones) : null;
  if (luck < 0.08) return { window: null, zone };
  if (luck < 0.12) return { window: ['03:00', '03:00'], zone };
  return { window: random.pick(luck < 0.5 ? usualHours : smallHours), zone };
}

/** What staff do with an application, and what its applicant does meanwhile. */
function planActs(random: Random, { fromMs, minutes }: Night): Act[] {
  const lastMs = fromMs + (minutes - 1) * minuteMs;
  const acts: Act[] = [];
  const add = (act: Act) => acts.push({ ...act, atMs: Math.min(lastMs, Math.max(fromMs, act.atMs)) });
  // Half of them at any time of the evening and the night, and half around two in the morning somewhere.
  const firstMs = fromMs + random.between(0, 15 * hourMs);
  const beganMs = random.next() < 0.5 ? firstMs : fromMs + random.between(7.5 * hourMs, 15 * hourMs);
  const move = (atMs: number, to: ApplicationStatus) => {
    const mover = random.between(0, undoSeconds.length);
    add({ atMs, kind: 'move', to, mover });
    return atMs + random.between(secondMs, undoSeconds[mover]! * secondMs);
  };
  const takenBackMs = move(beganMs, random.pick(['in_review', 'in_review', 'documents_needed']));
  const story = random.next();
  const laterMs = beganMs + random.between(5 * secondMs, random.pick([2 * minuteMs, hourMs, 6 * hourMs]));
  const next = acts.some((act) => act.kind === 'move' && act.to === 'in_review') ? 'approved' : 'in_review';
  if (story < 0.08) add({ atMs: takenBackMs, kind: 'undo' });
  else if (story < 0.12) {
    add({ atMs: takenBackMs, kind: 'undo' });
    move(takenBackMs + random.between(secondMs, hourMs), 'in_review');
  } else if (story < 0.3) move(laterMs, next);
  else if (story < 0.36) add({ atMs: move(laterMs, next), kind: 'undo' });
  else if (story < 0.42) {
    add({ atMs: beganMs + longestUndoMs + random.between(0, 9 * hourMs), kind: 'withdraw' });
  }

  const meanwhile = random.next();
  const whenMs = beganMs + random.between(-hourMs, 9 * hourMs);
  if (meanwhile < 0.08) add({ atMs: whenMs, kind: 'stop' });
  else if (meanwhile < 0.12) {
    add({ atMs: whenMs, kind: 'stop' });
    add({ atMs: whenMs + random.between(secondMs, 4 * hourMs), kind: 'start' });
  } else if (meanwhile < 0.16) add({ atMs: whenMs, kind: 'off' });
  else if (meanwhile < 0.22) add({ atMs: whenMs, kind: 'hours', hours: planHours(random) });
  return acts.sort((a, b) => a.atMs - b.atMs);
}

function groupBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

const numbersOf = new Map<string, number>();

/** A number that nobody else has, always in one exchange: others of a split area may be in one of its zones alone. */
function nextNumber(code: string): string {
  const count = numbersOf.get(code) ?? 0;
  numbersOf.set(code, count + 1);
  return `+1${code}${2_000_000 + count}`;
}

function planApplicant(random: Random, night: Night): Applicant {
  const [code, zonesOfNumber] = random.pick(areas);
  return {
    userId: randomUUID(),
    phone: nextNumber(code),
    application: randomUUID(),
    hours: planHours(random),
    zonesOfNumber,
    acts: planActs(random, night),
  };
}

/** Accounts whom texts reach, each with an application that is handed in. */
async function fillApplicants(people: readonly Applicant[], at: Date): Promise<void> {
  const rows = JSON.stringify(
    people.map(({ userId, phone, application, hours: { window, zone } }) => {
      const [begins, ends] = window ?? ['20:00', '09:00'];
      return { id: userId, phone, application, quiet: window !== null, begins, ends, zone };
    }),
  );
  const given = sql`(select p.*, ${at.toISOString()}::timestamptz as at from jsonb_to_recordset(${rows}::jsonb)
    as p (id uuid, phone text, application uuid, quiet boolean, begins text, ends text, zone text)) p`;
  await database.db.transaction(async (tx) => {
    await tx.execute(sql`
      insert into users (id, email, email_key, name, password_hash, role, phone, created_at, activated_at, password_changed_at)
      select id, id || '@example.com', id || '@example.com', 'Applicant', '-', 'applicant', phone, at, at, at from ${given}`);
    await tx.execute(sql`
      insert into sms_preferences (user_id, enabled, quiet_hours_enabled, quiet_hours_start, quiet_hours_end, time_zone, updated_at)
      select id, true, quiet, begins, ends, zone, at from ${given}`);
    await tx.execute(sql`
      insert into phone_numbers (number, holder_user_id, held_since) select phone, id, at from ${given}`);
    await tx.execute(sql`
      insert into sms_consents (at, user_id, phone, scope, action, medium, wording_version, wording, sender)
      select at, id, phone, scope, 'granted', 'registration', '2026-11-1', 'Yes', 'Doorstep'
      from ${given} cross join unnest(array['verification', 'updates']) scope`);
    await tx.execute(sql`
      insert into applications (id, applicant_id, title, message, status, created_at, moved_at)
      select application, id, 'Home', 'Two rooms', 'submitted', at, at from ${given}`);
    await tx.execute(sql`
      insert into application_events (application_id, at, kind, from_status, to_status, from_since, actor_id, actor_role, shows_at)
      select application, at, 'moved', 'draft', 'submitted', at, id, 'applicant', at from ${given}`);
  });
  await database.db.execute(sql`analyze`);
}

/** Does what staff and an applicant do, by the functions that pages and webhooks call. */
function makeDoer({ userId, phone, application: id }: Applicant, staff: readonly Viewer[]) {
  const { db } = database;
  const applicant = { userId, role: 'applicant' as const };
  let version = 1;
  let last: { eventId: number; mover: Viewer } | undefined;
  const say = async (body: string, now: Date) => {
    const text = { sid: `SM${randomUUID().replaceAll('-', '')}`, from: phone, to: developmentSender };
    const received = await receiveText(
      db,
      { ...text, messagingServiceSid: null, body, optOutType: null },
      contextAt(now),
    );
    expect(received.ok).toBe(true);
  };
  return async (act: Act): Promise<void> => {
    const now = new Date(act.atMs);
    const context = contextAt(now);
    switch (act.kind) {
      case 'move': {
        const mover = staff[act.mover]!;
        const wanted = { id, to: act.to, version, note: 'A lease' };
        const moved = await moveApplication(db, mover, wanted, context);
        if (!moved.ok) throw new Error(moved.reason);
        version += 1;
        last = { eventId: moved.eventId, mover };
        return;
      }
      case 'undo': {
        const { mover, eventId } = last!;
        expect(await undoMove(db, mover, { id, eventId }, context)).toEqual({ ok: true });
        version += 1;
        return;
      }
      case 'withdraw': {
        const { application } = (await readMyApplication(db, userId, id, now))!;
        const wanted = { id, to: 'withdrawn' as const, version: application.version };
        expect(await moveApplication(db, applicant, wanted, context)).toMatchObject({ ok: true });
        return;
      }
      case 'stop':
        return say('Stop', now);
      case 'start':
        return say('START', now);
      case 'off':
        return turnTextsOff(db, applicant, context);
      case 'hours': {
        const { window, zone: timeZone } = act.hours;
        const [quietHoursStart, quietHoursEnd] = window ?? ['20:00', '09:00'];
        const wish = {
          quietHoursEnabled: window !== null,
          quietHoursStart,
          quietHoursEnd,
          timeZone,
          version: 1,
        };
        expect(await saveQuietHours(db, applicant, wish, context)).toMatchObject({ ok: true });
      }
    }
  };
}

/** A text as it left. */
type Left = { phone: string; minute: number };

/** Sends all that is due at a moment, as a dispatcher does whose database has this clock. */
async function sendDue(dispatcher: Sending, now: Date): Promise<void> {
  const ignore = () => undefined;
  const setClock = () => (dispatcher.clockOffsetMs = now.getTime() - Date.now());
  setClock();
  const { dueInMs } = await lookForWork(dispatcher);
  if (dueInMs === null || dueInMs > 0) return;
  for (;;) {
    setClock();
    const { held, isMore } = await claimSends(dispatcher, {
      room: 64,
      roomForOthers: 48,
      strangersBefore: 0,
      leadMs: 0,
    });
    if (held.length > 0) {
      await sendClaimed(dispatcher, held, { wasStopped: false, settled: ignore, placed: ignore });
    } else if (!isMore) return;
  }
}

type Wall = (zone: string, minute: number) => number;

/** What the clocks on the walls show in each minute of a night, in minutes since midnight, by Intl. */
function hangClocks({ fromMs, minutes }: Night): Wall {
  const walls = new Map(
    [...new Set(areas.flatMap(([, each]) => each).concat(zones))].map((timeZone) => {
      const time = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
      const clock = new Intl.DateTimeFormat('en-GB', { timeZone, ...time });
      const show = (_: unknown, minute: number) => readTime(clock.format(fromMs + minute * minuteMs));
      return [timeZone as string, Array.from({ length: minutes + 1 }, show)];
    }),
  );
  return (zone, minute) => walls.get(zone)![minute]!;
}

function readTime(time: string): number {
  const [hours, minutes] = time.split(':').map(Number);
  return hours! * 60 + minutes!;
}

/**
 * In which minutes texts have to leave for someone, found by going through the night minute by minute. They are to hear of the last
 * move that stands, once nobody can take it back. That waits while the clock on any of their walls is within the quiet hours. A
 * STOP, texts turned off and their own withdrawal end what waits, and the first two keep off what comes.
 */
function foretell({ acts, hours: ownHours, zonesOfNumber }: Applicant, night: Night, wall: Wall): number[] {
  const leaves: number[] = [];
  const moves: { ownDueMs: number; dueMs: number; isTold: boolean }[] = [];
  let hours = ownHours;
  let isStopped = false;
  let isOff = false;
  let isWaiting = false;
  let done = 0;

  const isQuiet = (minute: number) => {
    if (hours.window === null) return false;
    const [start, end] = hours.window.map(readTime) as [number, number];
    return (hours.zone === null ? zonesOfNumber : [hours.zone]).some((zone) => {
      const time = wall(zone, minute);
      return start <= end ? start <= time && time < end : start <= time || time < end;
    });
  };
  const apply = (act: Act) => {
    switch (act.kind) {
      case 'move': {
        const dueMs = act.atMs + undoSeconds[act.mover]! * secondMs;
        moves.push({ ownDueMs: dueMs, dueMs, isTold: false });
        return;
      }
      case 'undo':
        moves.pop();
        // What was put off for it waits no longer.
        for (const move of moves) move.dueMs = move.ownDueMs;
        return;
      case 'hours':
        hours = act.hours;
        return;
      case 'start':
        isStopped = false;
        return;
      case 'withdraw':
        moves.length = 0;
        break;
      case 'stop':
        isStopped = true;
        break;
      case 'off':
        isOff = true;
    }
    isWaiting = false;
  };

  for (let minute = 0; minute <= night.minutes; minute += 1) {
    const nowMs = night.fromMs + minute * minuteMs;
    for (; done < acts.length && acts[done]!.atMs <= nowMs; done += 1) apply(acts[done]!);
    const last = moves.at(-1);
    for (const move of moves) {
      if (move.isTold || move.dueMs > nowMs) continue;
      // While the last one may be taken back, the one before it may come to stand again.
      if (move !== last && last!.dueMs > nowMs) move.dueMs = last!.dueMs;
      else move.isTold = true;
      if (move === last) isWaiting = !isStopped && !isOff;
    }
    if (!isWaiting || isQuiet(minute)) continue;
    leaves.push(minute);
    isWaiting = false;
  }
  return leaves;
}

/** Goes through a night minute by minute: what people do, what notices are decided, what two dispatchers send. */
async function liveThrough(night: Night, people: readonly Applicant[]): Promise<Left[]> {
  const { db } = database;
  const staff: Viewer[] = [];
  for (const seconds of undoSeconds) {
    const mover = await giveStaff(db);
    await saveUndoSeconds(db, mover.userId, seconds);
    staff.push(mover);
  }
  const left: Left[] = [];
  const faults: unknown[] = [];
  const onFault = (_: string, error: unknown) => void faults.push(error);
  let minute = 0;
  const dispatchers = [1, 2].map(() =>
    startSending({
      db,
      env: makeEnv(database.url, { SMS_DAILY_BUDGET_USD: '1000', SMS_DAILY_BUDGET_PER_USER_USD: '10' }),
      provider: {
        ...openConsole(),
        sendText: async ({ to }) => {
          left.push({ phone: to, minute });
          return { outcome: 'accepted', sid: `SM${randomUUID()}`, status: 'queued', segments: 1 };
        },
      },
      log: openLog({ level: 'error', write: (line) => void faults.push(line) }),
      paceClock: new PaceClock(),
      role: 'updates' as const,
      clockOffsetMs: 0,
    }),
  );
  const duties = people.flatMap((person) => {
    const act = makeDoer(person, staff);
    const inMinutes = groupBy(person.acts, ({ atMs }) => Math.ceil((atMs - night.fromMs) / minuteMs));
    return [...inMinutes].map(([when, acts]) => ({
      when,
      do: async () => {
        for (const each of acts) await act(each);
      },
    }));
  });
  const dutiesIn = groupBy(duties, ({ when }) => when);
  const someAtOnce = fewAtOnce(8);
  for (; minute <= night.minutes; minute += 1) {
    const now = new Date(night.fromMs + minute * minuteMs);
    await Promise.all((dutiesIn.get(minute) ?? []).map((duty) => someAtOnce(duty.do)));
    while ((await decideNotices(db, now, { limit: 100, onFault })) === 100);
    await Promise.all(dispatchers.map((dispatcher) => sendDue(dispatcher, now)));
  }
  expect(faults).toEqual([]);
  return left;
}

/** Each text with the minute in which the database says that it was sent. */
async function readSent({ fromMs }: Night): Promise<Left[]> {
  const { rows } = await database.db.execute<Left>(sql`
    select phone, floor((extract(epoch from sent_at) * 1000 - ${fromMs}::float8) / ${minuteMs}::float8)::int as minute
    from sms_messages where direction = 'out' and purpose = 'update' and status = 'sent'`);
  return rows;
}

const inOrder = (texts: readonly Left[]) => texts.map(({ phone, minute }) => `${phone} ${minute}`).sort();

describe('applicants in six zones, half of them in each of two nights', () => {
  test.each([
    ['forward', '2027-03-13T22:00:00Z'],
    ['back', '2027-11-06T22:00:00Z'],
  ])(
    'where clocks go %s, each text leaves in its minute, none early, none twice and none after STOP',
    async (_, from) => {
      await database.db.execute(
        sql`truncate applications, application_events, application_notices, sms_messages, sms_spend cascade`,
      );
      const night = { fromMs: Date.parse(from), minutes: 23 * 60 };
      const random = makeRandom(night.fromMs / minuteMs);
      const people = Array.from({ length: applicantsANight }, () => planApplicant(random, night));
      await fillApplicants(people, new Date(night.fromMs - 24 * hourMs));
      const left = await liveThrough(night, people);

      const leftFor = groupBy(left, ({ phone }) => phone);
      const minutesOf = ({ phone }: Applicant) => (leftFor.get(phone) ?? []).map(({ minute }) => minute);
      const wall = hangClocks(night);
      const wrong = people
        .map((person) => ({ due: foretell(person, night, wall), left: minutesOf(person), person }))
        .filter(({ due, left: minutes }) => String(due) !== String(minutes));
      expect(wrong.slice(0, 3)).toEqual([]);
      expect(inOrder(await readSent(night))).toEqual(inOrder(left));

      const afterStop = people.filter((person) => {
        const [stop, start] = person.acts.filter(({ kind }) => kind === 'stop' || kind === 'start');
        const isWithin = (atMs: number) => stop && stop.atMs <= atMs && atMs < (start?.atMs ?? Infinity);
        return minutesOf(person).some((minute) => isWithin(night.fromMs + minute * minuteMs));
      });
      expect(afterStop).toEqual([]);

      // A week before, clocks go on all night as they were: that is another night for many.
      const steady = hangClocks({ ...night, fromMs: night.fromMs - 7 * 24 * hourMs });
      const changed = people.filter(
        (person) => String(foretell(person, night, steady)) !== String(minutesOf(person)),
      );
      expect(changed.length).toBeGreaterThan(applicantsANight / 10);
    },
    900_000,
  );
});
