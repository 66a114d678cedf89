import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eq } from 'drizzle-orm';
import { phoneNumbers, smsDeactivationReads, smsDeactivationsAside } from '@/db/schema/sms';
import { openLog } from '@/lib/log';
import { dropList, letThrough, listAside } from '@/lib/sms/delivery/lists-aside';
import { readDeactivations } from '@/lib/sms/delivery/read-deactivations';
import { readDoubt } from '@/lib/sms/numbers/doubt';
import { readNumber } from '@/lib/sms/numbers/number';
import { openConsole } from '@/lib/sms/provider/console';
import { useDatabase } from '../../../support/database';
import { openFakeProvider } from '../../../support/fake-provider';
import { startFakeTwilio, type FakeTwilio } from '../../../support/fake-twilio';
import { after, contextAt, newPhone, noon } from '../../../support/people';
import { withSettings } from '../../../support/settings';
import { accountSid, authToken, makePerson } from '../../../support/texts';

const database = useDatabase();
const hour = 3600;
const day = 24 * hour;

let fake: FakeTwilio;
let lines: string[];

beforeEach(async () => {
  fake = await startFakeTwilio({ accountSid, authToken });
  lines = [];
  await database.db.delete(smsDeactivationReads);
});
afterEach(() => fake.stop());

const open = () => openFakeProvider(fake);

function read(
  now: Date,
  { signal, provider = open() }: { signal?: AbortSignal; provider?: ReturnType<typeof open> } = {},
) {
  const log = openLog({ level: 'info', write: (line) => lines.push(line) });
  return readDeactivations({ db: database.db, provider, log }, { now, signal });
}

/** Reads until nothing is due; out: the days whose lists were asked for, in order. */
async function readAll(now: Date): Promise<string[]> {
  const before = asked().length;
  while ((await read(now)) === 'read');
  return asked().slice(before);
}

const asked = () => fake.listsAsked.filter(({ file }) => !file).map(({ day: each }) => each);

/** So many days back from the given one, the oldest first. */
function daysUntil(last: string, count: number): string[] {
  const end = Date.parse(`${last}T00:00:00Z`);
  return Array.from({ length: count }, (_, i) =>
    new Date(end - (count - 1 - i) * day * 1000).toISOString().slice(0, 10),
  );
}

/** These days have a list, with nothing in it. */
function publish(days: readonly string[]): void {
  for (const each of days) fake.deactivations.set(each, '');
}

async function holder(): Promise<string> {
  const { phone } = await makePerson(database.db, { phone: newPhone() });
  await database.db
    .update(phoneNumbers)
    .set({ heldSince: after(noon, -60 * day) })
    .where(eq(phoneNumbers.number, phone));
  return phone;
}

const doubtOf = async (phone: string) => readDoubt(await readNumber(database.db, phone));

describe('which days are read', () => {
  test('the last thirty at first, then each once it is over, and those that were missed', async () => {
    publish(daysUntil('2026-12-10', 60));
    expect(await readAll(noon)).toEqual(daysUntil('2026-11-19', 30));
    expect(await readAll(after(noon, 12 * hour - 1))).toEqual([]);
    expect(await readAll(after(noon, 12 * hour))).toEqual(['2026-11-20']);
    expect(await readAll(after(noon, 5 * day))).toEqual(daysUntil('2026-11-24', 4));
  });

  test('a day whose list is not made yet, or not answered, is asked for again after an hour, and none after it before', async () => {
    publish(daysUntil('2026-11-18', 29));
    expect(await readAll(noon)).toEqual(daysUntil('2026-11-19', 30));
    expect(await readAll(after(noon, hour - 1))).toEqual([]);
    expect(lines.filter((line) => line.includes('sms_deactivations_unanswered'))).toEqual([]);
    fake.onDeactivations = { httpStatus: 429, code: 20429 };
    expect(await readAll(after(noon, hour))).toEqual(['2026-11-19']);
    expect(lines.join()).toContain('http_429');
    fake.onDeactivations = null;
    fake.deactivations.set('2026-11-19', '');
    expect(await readAll(after(noon, 2 * hour - 1))).toEqual([]);
    expect(await readAll(after(noon, 2 * hour))).toEqual(['2026-11-19']);
  });

  test('a day that still has no list after a week is left out', async () => {
    publish(daysUntil('2026-11-19', 30).filter((each) => each !== '2026-11-13'));
    expect(await readAll(noon)).toEqual(daysUntil('2026-11-13', 24));
    expect(await readAll(after(noon, 11 * hour))).toEqual(['2026-11-13']);
    expect(await readAll(after(noon, day))).toEqual([...daysUntil('2026-11-20', 8)]);
  });

  test('a day that is kept no longer is left out', async () => {
    fake.onDeactivations = { httpStatus: 400, code: 30113 };
    expect(await readAll(noon)).toEqual(daysUntil('2026-11-19', 30));
    expect(await readAll(after(noon, hour))).toEqual([]);
  });

  test('no more than ninety days are made up for', async () => {
    await database.db
      .insert(smsDeactivationReads)
      .values({ provider: 'twilio', readThrough: '2026-01-01', nextAt: noon });
    fake.onDeactivations = { httpStatus: 400, code: 30113 };
    expect(await readAll(noon)).toEqual(daysUntil('2026-11-19', 90));
  });

  test.each([
    ['infinity', 'infinity'],
    ['2031-01-01', '2031-01-01T00:00:00Z'],
  ])('what a wrong clock wrote counts as never read (%s)', async (readThrough, nextAt) => {
    await database.pool.query(
      'insert into sms_deactivation_reads (provider, read_through, next_at) values ($1, $2, $3)',
      ['twilio', readThrough, nextAt],
    );
    fake.onDeactivations = { httpStatus: 400, code: 30113 };
    expect(await readAll(noon)).toEqual(daysUntil('2026-11-19', 30));
  });

  test('of two processes one reads a day; who died while reading is followed after twenty minutes', async () => {
    publish(daysUntil('2026-11-19', 30));
    expect(await Promise.all([read(noon), read(noon), read(noon)])).toContain('read');
    const first = asked();
    const dead = { ...open(), readDeactivations: () => Promise.reject(new Error('killed')) };
    await expect(read(noon, { provider: dead })).rejects.toThrow('killed');
    expect(await read(after(noon, 20 * 60 - 1))).toBe('not_due');
    expect(await read(after(noon, 20 * 60))).toBe('read');
    // Whoever came later read the day after, and none twice.
    expect(asked()).toEqual(daysUntil('2026-11-19', 30).slice(0, first.length + 1));
  });

  test('nothing is asked of the console, nor where no texts go to the US', async () => {
    expect(await read(noon, { provider: openConsole() })).toBe('not_due');
    expect(await withSettings({ smsCountries: ['CA', 'GB'] }, () => read(noon))).toBe('not_due');
    expect(asked()).toEqual([]);
    expect(await database.db.$count(smsDeactivationReads)).toBe(0);
  });
});

describe('what a list says', () => {
  beforeEach(async () => {
    await database.db
      .insert(smsDeactivationReads)
      .values({ provider: 'twilio', readThrough: '2026-11-18', nextAt: noon });
  });

  test('puts numbers that someone proved in doubt, among a hundred thousand that nobody here has', async () => {
    const phones = await Promise.all([holder(), holder(), holder()]);
    const strangers = Array.from({ length: 100_000 }, (_, i) => `1312${2_000_000 + i}`);
    const listed = [phones[0], ...strangers.slice(0, 50_000), phones[1], ...strangers.slice(50_000)];
    fake.deactivations.set('2026-11-19', listed.join('\n'));
    expect(await read(noon)).toBe('read');
    expect(await Promise.all(phones.map(doubtOf))).toEqual([
      { reason: 'out_of_service', on: '2026-11-19' },
      { reason: 'out_of_service', on: '2026-11-19' },
      null,
    ]);
    expect(lines.join()).toMatch(/sms_deactivations_read.*count=100002 marked=2/);
    expect(lines.join()).not.toContain(phones[0]!.slice(2));
  });

  test('marks none where it breaks off, and is read again from its beginning', async () => {
    const [first, last] = [await holder(), await holder()];
    const full = Array.from({ length: 6_000 }, (_, i) => `1312${2_000_000 + i}`);
    fake.deactivations.set('2026-11-19', { pieces: [`${[first, ...full].join('\n')}\n`], cut: true });
    expect(await read(noon)).toBe('unanswered');
    expect(await Promise.all([first, last].map(doubtOf))).toEqual([null, null]);
    fake.deactivations.set('2026-11-19', [first, ...full, last].join('\n'));
    expect(await read(after(noon, hour))).toBe('read');
    expect(await Promise.all([first, last].map(doubtOf))).toEqual(
      Array(2).fill({ reason: 'out_of_service', on: '2026-11-19' }),
    );
  });

  test('is read again at once where the dispatcher was stopped meanwhile', async () => {
    const stopping = new AbortController();
    fake.deactivations.set('2026-11-19', '13122000000');
    stopping.abort();
    expect(await read(noon, { signal: stopping.signal })).toBe('unanswered');
    expect(await read(noon)).toBe('read');
  });
});

describe('a list that would put very many numbers in doubt', () => {
  beforeEach(async () => {
    await database.db.delete(smsDeactivationsAside);
    await database.db.delete(phoneNumbers);
    await database.db
      .insert(smsDeactivationReads)
      .values({ provider: 'twilio', readThrough: '2026-11-17', nextAt: noon });
  });

  /** So many numbers that are held, from +13122000000 on. */
  async function hold(count: number): Promise<void> {
    const { userId } = await makePerson(database.db, { phone: newPhone(), verified: false });
    await database.pool.query(
      `insert into phone_numbers (number, holder_user_id, held_since)
       select '+1312' || 2000000 + n, $1, '2026-09-01T00:00:00Z' from generate_series(0, $2::int - 1) n`,
      [userId, count],
    );
  }

  /** The first of them, and more that nobody has. */
  const list = (count: number) =>
    [...Array.from({ length: count }, (_, n) => `1312${2_000_000 + n}`), ...strangers].join('\n');
  const strangers = Array.from({ length: 3_000 }, (_, n) => `1415${2_000_000 + n}`);

  const countMarked = async () => {
    const numbers = await database.db.select().from(phoneNumbers);
    return numbers.filter(({ outOfServiceOn }) => outOfServiceOn !== null).length;
  };

  test('marks none and is put aside with what was found, and the days after it are read', async () => {
    await hold(2_500);
    fake.deactivations.set('2026-11-18', list(2_000));
    fake.deactivations.set('2026-11-19', list(5));
    expect(await readAll(noon)).toEqual(['2026-11-18', '2026-11-19']);
    expect(await countMarked()).toBe(5);
    const found = { day: '2026-11-18', putAsideAt: noon, count: 5_000, wouldMark: 2_000, held: 2_500 };
    expect(await listAside(database.db)).toEqual([found]);
    expect(lines.join('\n')).toMatch(
      /warn sms_deactivations_put_aside day="?2026-11-18"? count=5000 wouldMark=2000 held=2500/,
    );
    expect(await readAll(noon)).toEqual([]);
  });

  test.each([
    ['49 of 100', 100, 49, 49],
    ['50 of 100', 100, 50, 0],
    ['2 % of 2,500', 2_500, 50, 50],
    ['more than 2 % of 2,500', 2_500, 51, 0],
  ])('is one of %s', async (_, held, listed, marked) => {
    await hold(held);
    fake.deactivations.set('2026-11-18', list(listed));
    expect(await read(noon)).toBe('read');
    expect(await countMarked()).toBe(marked);
  });

  test('is none for numbers that an earlier list has put in doubt already', async () => {
    await hold(100);
    await database.db.update(phoneNumbers).set({ outOfServiceOn: '2026-11-10' });
    fake.deactivations.set('2026-11-18', list(100));
    expect(await read(noon)).toBe('read');
    expect(await listAside(database.db)).toEqual([]);
  });

  test('is let through by an operator, who is named in the audit, or stays where it cannot be read', async () => {
    await hold(100);
    fake.deactivations.set('2026-11-18', list(60));
    await read(noon);
    const pass = () =>
      letThrough({ db: database.db, provider: open() }, '2026-11-18', 'ops', contextAt(after(noon, hour)));
    fake.onDeactivations = { httpStatus: 400, code: 30113 };
    expect(await pass()).toEqual({ ok: false, reason: 'too_old' });
    fake.onDeactivations = { httpStatus: 500, code: null };
    expect(await pass()).toEqual({ ok: false, reason: 'unanswered' });
    expect(await countMarked()).toBe(0);
    fake.onDeactivations = null;
    expect(await pass()).toEqual({ ok: true, count: 3_060, marked: 60 });
    expect(await countMarked()).toBe(60);
    expect(await pass()).toEqual({ ok: false, reason: 'not_aside' });
    const { rows } = await database.pool.query(
      "select details from audit_log where action = 'carrier_list_marked'",
    );
    expect(rows).toEqual([{ details: { day: '2026-11-18', operator: 'ops', marked: 60 } }]);
  });

  test('is dropped by an operator for good', async () => {
    await hold(100);
    fake.deactivations.set('2026-11-18', list(60));
    await read(noon);
    const drop = () => dropList(database.db, '2026-11-18', 'ops', contextAt(after(noon, hour)));
    expect([await drop(), await drop()]).toEqual([true, false]);
    await readAll(after(noon, 2 * hour));
    expect(asked().filter((each) => each === '2026-11-18')).toHaveLength(1);
    expect([await countMarked(), await listAside(database.db)]).toEqual([0, []]);
  });
});
