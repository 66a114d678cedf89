import { asc, eq, sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { phoneNumbers, smsInboundReads, smsMessages } from '@/db/schema/sms';
import { smsOptOuts } from '@/db/schema/consent';
import { grantConsent, readStandingConsent } from '@/lib/consent/ledger';
import { readLastOptOut, recordOptOut } from '@/lib/consent/opt-out-ledger';
import { openLog } from '@/lib/log';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { readMissedTexts, runMissedTexts } from '@/lib/sms/inbound/missed-inbound';
import { readNumber } from '@/lib/sms/numbers/number';
import { openConsole } from '@/lib/sms/provider/console';
import { useDatabase } from '../../../support/database';
import { openFakeProvider } from '../../../support/fake-provider';
import { startFakeTwilio, type FakeText, type FakeTwilio } from '../../../support/fake-twilio';
import { after, contextAt, newPhone, noon } from '../../../support/people';
import { accountSid, authToken, fromPhone, makePerson, twilioVariables } from '../../../support/texts';

// Whether a text was sent to us is a question to the process's own settings.
Object.assign(process.env, twilioVariables('http://127.0.0.1:9'));

const database = useDatabase();
const hour = 3600;
const minute = 60;
const consentedAt = new Date('2026-01-05T12:00:00Z');

let fake: FakeTwilio;
let lines: string[];

beforeEach(async () => {
  fake = await startFakeTwilio({ accountSid, authToken });
  lines = [];
  await database.db.delete(smsInboundReads);
});
afterEach(() => fake.stop());

const open = (overrides: Parameters<typeof openFakeProvider>[1] = {}) => openFakeProvider(fake, overrides);

function read(now: Date, { isStart = false, provider = open() } = {}) {
  const log = openLog({ level: 'info', write: (line) => lines.push(line) });
  return readMissedTexts({ db: database.db, provider, log }, { now, isStart });
}

function write(from: string, body: string, sentAt: Date): FakeText {
  return fake.receive({ from, to: fromPhone, body, sentAt });
}

/** The webhook gets a text, some time after it was sent. */
function arrive(text: FakeText, at: Date) {
  return receiveText(
    database.db,
    {
      sid: text.sid,
      from: text.from!,
      to: text.to,
      messagingServiceSid: null,
      body: text.body,
      optOutType: null,
    },
    contextAt(at),
  );
}

/** Someone who holds their number and agreed long ago. */
async function holder() {
  const person = await makePerson(database.db, { phone: newPhone(), consent: false });
  await database.db
    .update(phoneNumbers)
    .set({ heldSince: consentedAt })
    .where(eq(phoneNumbers.number, person.phone));
  await agree(person, consentedAt);
  return person;
}

async function agree({ userId, phone }: { userId: string; phone: string }, at: Date) {
  await database.db.transaction((tx) =>
    grantConsent(
      tx,
      { userId, phone, scopes: ['verification', 'updates'], medium: 'registration' },
      contextAt(at),
    ),
  );
}

async function isStopped(phone: string): Promise<boolean> {
  return ((await readNumber(database.db, phone))?.suppressedAt ?? null) !== null;
}

async function textsOf(phone: string) {
  return database.db
    .select()
    .from(smsMessages)
    .where(eq(smsMessages.phone, phone))
    .orderBy(asc(smsMessages.createdAt));
}

async function optOutsOf(phone: string) {
  const { act, at, recordedAt, recordedBy, words, providerSid } = smsOptOuts;
  return database.db
    .select({ act, at, recordedAt, recordedBy, words, providerSid })
    .from(smsOptOuts)
    .where(eq(smsOptOuts.phone, phone))
    .orderBy(asc(smsOptOuts.id));
}

const alerts = () => lines.filter((line) => line.includes('sms_alert'));

describe('a text that the webhook never got', () => {
  test('is obeyed once, under the moment it was sent, without an answer, and is one alert', async () => {
    await read(noon);
    const person = await holder();
    const said = after(noon, 10 * minute);
    const [stop] = [write(person.phone, 'STOP', said), write(newPhone(), 'hello', said)];
    expect(await read(after(noon, hour))).toBe('read');
    expect(await read(after(noon, 2 * hour))).toBe('read');
    expect((await readNumber(database.db, person.phone))?.suppressedAt).toEqual(said);
    expect(await readStandingConsent(database.db, person)).toEqual(new Set());
    expect(await textsOf(person.phone)).toMatchObject([
      {
        direction: 'in',
        providerSid: stop!.sid,
        createdAt: said,
        body: 'STOP',
        details: { foundAt: after(noon, hour).toISOString(), overtaken: false },
      },
    ]);
    expect(await optOutsOf(person.phone)).toEqual([
      {
        act: 'opted_out',
        at: said,
        recordedAt: after(noon, hour),
        recordedBy: 'inbound_list',
        words: 'STOP',
        providerSid: stop!.sid,
      },
    ]);
    expect(fake.texts).toEqual([]);
    expect(alerts()).toHaveLength(1);
    expect(alerts()[0]).toContain('alert=inbound_missed count=2');
  });

  test('is not answered when the webhook brings it after all', async () => {
    const phone = newPhone();
    const stop = write(phone, 'please stop texting me', after(noon, minute));
    await read(after(noon, hour));
    expect(await arrive(stop, after(noon, hour + 1))).toMatchObject({ isDuplicate: true, reply: null });
    expect(await textsOf(phone)).toHaveLength(1);
  });

  test('that two processes find at once is obeyed by one', async () => {
    await read(noon);
    const phone = newPhone();
    write(phone, 'STOP', after(noon, minute));
    const starts = [1, 2, 3].map((ms) => read(after(noon, hour + ms / 1000), { isStart: true }));
    expect(await Promise.all(starts)).toEqual(['read', 'read', 'read']);
    expect(await textsOf(phone)).toHaveLength(1);
    expect(alerts()).toHaveLength(1);
  });

  test('is left to the webhook for three minutes', async () => {
    const phone = newPhone();
    write(phone, 'STOP', after(noon, -2 * minute));
    await read(noon);
    expect(await textsOf(phone)).toEqual([]);
    await read(after(noon, hour));
    expect(await isStopped(phone)).toBe(true);
  });

  test('to any number of a messaging service is found', async () => {
    fake.servicePhones = ['+15005550001', '+15005550002'];
    const phone = newPhone();
    fake.receive({ from: phone, to: '+15005550002', body: 'STOP', sentAt: after(noon, -hour) });
    await read(noon, { provider: open({ sender: { messagingServiceSid: 'MG1' } }) });
    expect(await isStopped(phone)).toBe(true);
  });

  test('before the first read is no alert, and none is older than a week', async () => {
    const [lately, longAgo] = [newPhone(), newPhone()];
    write(lately, 'STOP', after(noon, -6 * 24 * hour));
    write(longAgo, 'STOP', after(noon, -8 * 24 * hour));
    await read(noon);
    expect([await isStopped(lately), await isStopped(longAgo)]).toEqual([true, false]);
    expect(alerts()).toEqual([]);
  });
});

describe('what was said since', () => {
  test('a STOP older than a fresh consent of the holder is only recorded', async () => {
    const person = await holder();
    write(person.phone, 'STOP', after(noon, minute));
    await agree(person, after(noon, 10 * minute));
    await read(after(noon, hour));
    expect(await isStopped(person.phone)).toBe(false);
    expect((await readStandingConsent(database.db, person)).size).toBe(2);
    expect(await textsOf(person.phone)).toMatchObject([{ body: 'STOP', details: { overtaken: true } }]);
    expect(await optOutsOf(person.phone)).toMatchObject([{ act: 'opted_out', at: after(noon, minute) }]);
  });

  test('a consent of someone who has not proven the number leaves the STOP of its owner in force', async () => {
    const stranger = await makePerson(database.db, { phone: newPhone(), consent: false, verified: false });
    write(stranger.phone, 'STOP', after(noon, minute));
    await agree(stranger, after(noon, 10 * minute));
    await read(after(noon, hour));
    expect(await isStopped(stranger.phone)).toBe(true);
  });

  test('a consent of the same moment may be the older one, by clocks that differ', async () => {
    const person = await holder();
    await agree(person, after(noon, 80));
    write(person.phone, 'STOP', after(noon, minute));
    await read(after(noon, hour));
    expect(await isStopped(person.phone)).toBe(true);
    expect((await readStandingConsent(database.db, person)).size).toBe(0);
  });

  test('STOP and START in one second are obeyed in the order of the list', async () => {
    const [back, gone] = [await holder(), await holder()];
    const at = after(noon, minute);
    write(back.phone, 'STOP', at);
    write(back.phone, 'START', at);
    write(gone.phone, 'START', at);
    write(gone.phone, 'STOP', at);
    await read(after(noon, hour));
    expect([await isStopped(back.phone), await isStopped(gone.phone)]).toEqual([false, true]);
    expect((await readStandingConsent(database.db, back)).size).toBe(2);
    expect((await readStandingConsent(database.db, gone)).size).toBe(0);
  });

  test('STOP, START and STOP again, all missed, end as STOP', async () => {
    const person = await holder();
    for (const [index, words] of ['STOP', 'START', 'STOP'].entries()) {
      write(person.phone, words, after(noon, (index + 1) * 20));
    }
    await read(after(noon, hour));
    expect(await isStopped(person.phone)).toBe(true);
    expect((await readStandingConsent(database.db, person)).size).toBe(0);
  });

  test('a missed STOP after a START that took long to arrive is obeyed', async () => {
    const person = await holder();
    const start = write(person.phone, 'START', after(noon, 1));
    write(person.phone, 'STOP', after(noon, 2));
    await arrive(start, after(noon, 20));
    await read(after(noon, hour));
    expect(await isStopped(person.phone)).toBe(true);
  });

  test('a missed STOP before a START that arrived is only recorded', async () => {
    const person = await holder();
    write(person.phone, 'STOP', after(noon, 1));
    await arrive(write(person.phone, 'START', after(noon, 30)), after(noon, 31));
    await read(after(noon, hour));
    expect(await isStopped(person.phone)).toBe(false);
    expect(await readLastOptOut(database.db, person.phone)).toMatchObject({ act: 'lifted', words: 'START' });
  });

  test('a missed START after a STOP that arrived lifts the block, and one before it does not', async () => {
    const [back, gone] = [await holder(), await holder()];
    await arrive(write(back.phone, 'STOP', after(noon, 1)), after(noon, 5));
    write(back.phone, 'START', after(noon, 3));
    write(gone.phone, 'START', after(noon, 1));
    await arrive(write(gone.phone, 'STOP', after(noon, 3)), after(noon, 4));
    await read(after(noon, hour));
    expect([await isStopped(back.phone), await isStopped(gone.phone)]).toEqual([false, true]);
  });

  test('a missed START before a STOP that arrived while our clock was two hours behind lifts no block', async () => {
    const person = await holder();
    write(person.phone, 'START', after(noon, 1));
    await arrive(write(person.phone, 'STOP', after(noon, 3)), after(noon, 4 - 2 * hour));
    await read(after(noon, hour));
    expect(await isStopped(person.phone)).toBe(true);
  });

  test('a consent that a clock two hours ahead wrote down takes back no STOP that was missed', async () => {
    const person = await holder();
    await agree(person, after(noon, 2 * hour));
    write(person.phone, 'STOP', after(noon, minute));
    await read(after(noon, hour));
    expect(await isStopped(person.phone)).toBe(true);
  });
});

test('what a restored backup has in the ledger of opt-outs already is obeyed, and recorded once', async () => {
  const person = await holder();
  const said = after(noon, minute);
  const { sid: providerSid } = write(person.phone, 'STOP', said);
  const evidence = { recordedBy: 'inbound_webhook', sender: fromPhone, words: 'STOP', providerSid } as const;
  await database.db.transaction((tx) =>
    recordOptOut(tx, { phone: person.phone, act: 'opted_out', covers: ['updates'], evidence, at: said }),
  );
  await read(after(noon, hour));
  expect(await isStopped(person.phone)).toBe(true);
  expect(await optOutsOf(person.phone)).toHaveLength(1);
});

describe('what fails', () => {
  test('a text that cannot be taken in keeps only the later texts of its own number waiting', async () => {
    await read(noon);
    const [first, second] = [newPhone(), newPhone()];
    const start = write(first, 'START', after(noon, 10 * minute));
    write(first, 'STOP', after(noon, 11 * minute));
    write(second, 'STOP', after(noon, 12 * minute));
    await database.pool.query(`
      create function refuse_text() returns trigger language plpgsql as $$ begin
        if new.provider_sid = '${start.sid}' then raise exception 'refused'; end if;
        return new; end $$;
      create trigger refuse_text before insert on sms_messages for each row execute function refuse_text()`);
    await read(after(noon, hour));
    expect([await isStopped(first), await isStopped(second)]).toEqual([false, true]);
    const [known] = await database.db.select().from(smsInboundReads);
    expect(known!.readUntil).toEqual(start.sentAt);
    await read(after(noon, 5 * hour));
    expect(await isStopped(first)).toBe(false);

    await database.pool.query('drop trigger refuse_text on sms_messages; drop function refuse_text');
    await read(after(noon, 6 * hour));
    expect(await isStopped(first)).toBe(true);
    expect((await textsOf(first)).map(({ body }) => body)).toEqual(['START', 'STOP']);
  });

  test.each([{ httpStatus: 503 }, 'reset' as const])(
    'where a page is answered with %j, the read is repeated and changes nothing before',
    async (fault) => {
      await read(noon);
      const phone = newPhone();
      for (let index = 0; index < 60; index += 1) write(newPhone(), 'hello', after(noon, minute + index));
      write(phone, 'STOP', after(noon, minute));
      fake.onRead = () => (fake.surveys.length % 3 === 0 ? fault : null);
      expect(await read(after(noon, hour))).toBe('unanswered');
      expect(await isStopped(phone)).toBe(false);
      fake.onRead = () => null;
      expect(await read(after(noon, hour + 9 * minute))).toBe('not_due');
      expect(await read(after(noon, hour + 10 * minute))).toBe('read');
      expect(await isStopped(phone)).toBe(true);
    },
  );
});

describe('how far is read', () => {
  test('each hour once, and at every start', async () => {
    expect(await read(noon)).toBe('read');
    expect(await read(after(noon, hour - 1))).toBe('not_due');
    expect(await read(after(noon, hour))).toBe('read');
    expect(await read(after(noon, hour + 60), { isStart: true })).toBe('read');
  });

  test('what came just before a start is read three minutes after it, and then each hour again', async () => {
    const phone = newPhone();
    write(phone, 'STOP', after(noon, -minute));
    expect(await read(noon, { isStart: true })).toBe('read');
    expect(await isStopped(phone)).toBe(false);
    expect(await read(after(noon, 3 * minute - 1))).toBe('not_due');
    expect(await read(after(noon, 3 * minute))).toBe('read');
    expect(await isStopped(phone)).toBe(true);
    expect(await read(after(noon, 3 * minute + hour - 1))).toBe('not_due');
    expect(await read(after(noon, 3 * minute + hour))).toBe('read');
  });

  test('reading goes on where it ended, however much came in', async () => {
    // More than one read takes in.
    const flood = 1_300;
    const start = after(noon, -hour);
    for (let index = 0; index < flood; index += 1) {
      write(`+1555${7_000_000 + (index % 7)}`, 'hello', after(start, Math.floor(index / 2)));
    }
    const last = newPhone();
    write(last, 'STOP', after(noon, -30 * minute));
    let now = noon;
    let reads = 0;
    const takenIn = async () => database.db.$count(smsMessages, eq(smsMessages.body, 'hello'));
    const before = await takenIn();
    while ((await takenIn()) < before + flood) {
      expect((reads += 1)).toBeLessThan(30);
      expect(await read(now)).toBe('read');
      now = after(now, minute);
    }
    expect(await isStopped(last)).toBe(true);
    const [known] = await database.db.select().from(smsInboundReads);
    expect(known!.readUntil.getTime()).toBeGreaterThan(after(noon, -5 * minute).getTime());
  });
});

test.each([
  ['read_until', 'an hour ahead', after(noon, hour).toISOString()],
  ['read_until', 'without end', 'infinity'],
  ['read_until', 'before all time', '-infinity'],
  ['next_at', 'a day ahead', after(noon, 24 * hour).toISOString()],
  ['next_at', 'without end', 'infinity'],
])('%s %s, as a wrong clock left it, keeps no STOP from being found', async (column, _what, moment) => {
  await read(noon, { isStart: true });
  await database.db.execute(sql.raw(`update sms_inbound_reads set ${column} = '${moment}'`));
  const person = await holder();
  write(person.phone, 'STOP', after(noon, 2 * minute));
  expect(await read(after(noon, hour + 5 * minute))).toBe('read');
  expect(await isStopped(person.phone)).toBe(true);
  expect(await read(after(noon, hour + 6 * minute))).toBe('not_due');
});

test('nothing is asked where texts go to the console', async () => {
  expect(await read(noon, { isStart: true, provider: openConsole(() => undefined) })).toBe('not_due');
  expect(await database.db.select().from(smsInboundReads)).toEqual([]);
});

test('a fault of the first round is a line in the log, and ends nothing', async () => {
  const missed = runMissedTexts({ log: (line) => lines.push(line), everyMs: 5 });
  await expect.poll(() => lines.filter((line) => line.includes('sms_inbound_')).length).toBeGreaterThan(1);
  await missed.stop();
});
