import { asc, eq, sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { smsOptOuts, type ConsentScope, type SenderRole } from '@/db/schema/consent';
import type { Env } from '@/lib/env';
import { grantConsent, readStandingConsent } from '@/lib/consent/ledger';
import { newId } from '@/lib/random';
import { checkAllLedgers } from '@/lib/reporting/ledgers/check-ledgers';
import { applyEffect } from '@/lib/sms/delivery/after-failure';
import { explainStop } from '@/lib/sms/dispatch/send-policy';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { markSuppressed, readNumber, suppressedSenders } from '@/lib/sms/numbers/number';
import { isOptedOut, listStarts } from '@/lib/sms/numbers/opted-out';
import { readStarts } from '@/lib/sms/numbers/read-starts';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { sendCode } from '@/lib/sms/verification/send-code';
import { useDatabase } from '../../../support/database';
import { after, contextAt, noon } from '../../../support/people';
import { withSettings } from '../../../support/settings';
import {
  askForCode,
  askForUpdate,
  fromPhone,
  makeEnv,
  makePerson,
  readText,
  twilioVariables,
} from '../../../support/texts';

const database = useDatabase();
const codesPhone = '+15005550016';
const senders: Record<SenderRole, string> = { updates: fromPhone, codes: codesPhone };
const { twilio } = makeEnv('postgresql://localhost/none', {
  ...twilioVariables('http://localhost:1'),
  TWILIO_CODES_FROM_PHONE: codesPhone,
});
const beforeTheDay: Partial<Env> = { twilio, stopCoversAllFrom: after(noon, 365 * 24 * 3600) };
const sinceTheDay: Partial<Env> = { twilio, stopCoversAllFrom: noon };

async function write(phone: string, body: string, role: SenderRole, now: Date, to = senders[role]) {
  const text = { sid: `SM${newId().replaceAll('-', '')}`, from: phone, to, body };
  return receiveText(database.db, { ...text, messagingServiceSid: null, optOutType: null }, contextAt(now));
}

const events = {
  'STOP to updates': { to: 'updates', body: 'STOP' },
  'STOP to codes': { to: 'codes', body: 'STOP' },
  'STOPALL to updates': { to: 'updates', body: 'STOPALL' },
  'START to updates': { to: 'updates', body: 'START' },
  'START to codes': { to: 'codes', body: 'START' },
  'a letter': null,
} as const;
type Event = keyof typeof events;
const names = Object.keys(events) as Event[];

async function happen(event: Event, phone: string, now: Date): Promise<void> {
  const said = events[event];
  if (said !== null) await write(phone, said.body, said.to, now);
  else await database.db.transaction((tx) => optOut(tx, { phone, by: { told: 'letter' }, now }));
}

/** What was last said to one of our senders itself: that is what Twilio goes by. */
function lastSaidTo(history: readonly Event[], role: SenderRole): 'STOP' | 'START' | null {
  const body = history
    .map((event) => events[event])
    .filter((said) => said?.to === role)
    .at(-1)?.body;
  return body === undefined ? null : body === 'START' ? 'START' : 'STOP';
}

const stopsOf: Record<SenderRole, Event[]> = {
  updates: ['STOP to updates', 'STOP to codes', 'STOPALL to updates', 'a letter'],
  codes: ['STOP to codes', 'STOPALL to updates', 'a letter'],
};

/** Whether a history leaves a number opted out of a sender, told by the whole of it and not step by step. */
function isStopped(history: readonly Event[], role: SenderRole): boolean {
  const stoppedAt = Math.max(...stopsOf[role].map((event) => history.lastIndexOf(event)));
  if (stoppedAt < 0) return false;
  const other = role === 'codes' ? 'updates' : 'codes';
  return !history.some(
    (event, at) =>
      at > stoppedAt &&
      (event === `START to ${role}` ||
        (event === `START to ${other}` && lastSaidTo(history.slice(0, at), role) !== 'STOP')),
  );
}

/** What a proven holder who agreed to everything consents to after a history: what a STOP ended comes back with its sender. */
function consentsAfter(history: readonly Event[], endsAll: boolean): ConsentScope[] {
  const standing = new Set<ConsentScope>(['updates', 'verification']);
  history.forEach((event, at) => {
    const until = (role: SenderRole) => isStopped(history.slice(0, at + 1), role);
    const wasStopped = isStopped(history.slice(0, at), 'updates') || isStopped(history.slice(0, at), 'codes');
    if (event.startsWith('START')) {
      if (!wasStopped) return;
      if (!until('updates')) standing.add('updates');
      if (!until('codes')) standing.add('verification');
      return;
    }
    standing.delete('updates');
    if (endsAll || event !== 'STOP to updates') standing.delete('verification');
  });
  return [...standing].sort();
}

function* historiesOf(length: number): Generator<Event[]> {
  if (length === 0) return yield [];
  for (const before of historiesOf(length - 1)) for (const event of names) yield [...before, event];
}

describe.each([
  ['before one STOP ends all', beforeTheDay, false],
  ['since one STOP ends all', sinceTheDay, true],
] as const)('STOP and START to two senders, %s', (_when, settings, endsAll) => {
  test('in every order of three block and free what they have to, and the ledgers agree', async () => {
    await withSettings(settings, async () => {
      for (const history of historiesOf(3)) {
        const person = await makePerson(database.db);
        const { phone } = person;
        await database.db.execute(
          sql`update phone_numbers set held_since = ${after(noon, -60)} where number = ${phone}`,
        );
        for (const [at, event] of history.entries()) {
          await happen(event, phone, after(noon, (at + 1) * 600));
          const sofar = history.slice(0, at + 1);
          const number = await readNumber(database.db, phone);
          const found = {
            history: sofar,
            stopped: (['updates', 'codes'] as const).filter((role) =>
              suppressedSenders(number).includes(role),
            ),
            consents: [...(await readStandingConsent(database.db, person))].sort(),
          };
          expect(found).toEqual({
            history: sofar,
            stopped: (['updates', 'codes'] as const).filter((role) => isStopped(sofar, role)),
            consents: consentsAfter(sofar, endsAll),
          });
          // Nothing is ever tried that Twilio would refuse with 21610.
          for (const role of ['updates', 'codes'] as const) {
            if (lastSaidTo(sofar, role) === 'STOP') expect(found.stopped).toContain(role);
          }
        }
        // The STARTs that pages name are enough, and each is needed.
        const number = (await readNumber(database.db, phone))!;
        for (const [at, start] of listStarts(number).entries()) {
          const { lifts } = start;
          await write(phone, 'START', start.to, after(noon, 3600 + at));
          const freed = await readNumber(database.db, phone);
          if (lifts !== 'codes') expect(isOptedOut(freed, 'update')).toBe(false);
          if (lifts !== 'updates') expect(isOptedOut(freed, 'verification')).toBe(false);
        }
        expect(suppressedSenders(await readNumber(database.db, phone))).toEqual([]);
      }
      const differences: unknown[] = [];
      await checkAllLedgers(database.db, new Date(), (part, came) => {
        if (['numbers', 'opt_outs', 'consents'].includes(part)) differences.push(...came);
      });
      expect(differences).toEqual([]);
    });
  }, 240_000);
});

test('a STOP to updates withdraws updates that wait, and no code', async () => {
  await withSettings(beforeTheDay, async () => {
    const person = await makePerson(database.db);
    const { messageId } = await askForCode(database.db, person);
    const update = await askForUpdate(database.db, person);
    const unknown = await askForUpdate(database.db, person, { purpose: 'of another release' as never });
    await write(person.phone, 'STOP', 'updates', new Date());
    for (const id of [update, unknown]) {
      expect(await readText(database.db, id)).toMatchObject({ status: 'canceled', reason: 'stopped' });
    }
    expect(await readText(database.db, messageId)).toMatchObject({ status: 'queued' });
    await write(person.phone, 'STOP', 'codes', new Date());
    expect(await readText(database.db, messageId)).toMatchObject({ status: 'canceled', reason: 'stopped' });
  });
});

test('since one STOP ends all, a code that waits is withdrawn too, and the next needs a consent given after it', async () => {
  await withSettings(sinceTheDay, async () => {
    const person = await makePerson(database.db);
    const { userId, phone } = person;
    const { messageId } = await askForCode(database.db, person);
    const stoppedAt = new Date();
    await write(phone, 'STOP', 'updates', stoppedAt);
    expect(await readText(database.db, messageId)).toMatchObject({ status: 'canceled', reason: 'stopped' });
    const prover = { ...person, role: 'applicant', purpose: 'prove', changesFrom: null } as const;
    const ask = () => sendCode(database.db, prover, contextAt(after(stoppedAt, 120)));
    expect(await ask()).toMatchObject({ ok: false, reason: 'consent_missing' });
    await database.db.transaction((tx) =>
      grantConsent(
        tx,
        { userId, phone, scopes: ['verification'], medium: 'code_page' },
        contextAt(after(stoppedAt, 60)),
      ),
    );
    expect(await ask()).toEqual({ ok: true });
  });
});

test.each([
  ['STOP', 'updates', 'Stop texting me please', 'STOPALL', ['updates'], ['updates']],
  ['STOP', 'updates', 'stop all texts', null, ['updates', 'codes'], ['verification', 'updates']],
  ['STOP', 'codes', 'stop texting me', null, ['updates', 'codes'], ['verification', 'updates']],
] as const)(
  '%s to %s as "%s" is confirmed in words, and the ledger has what it is about',
  async (_what, role, body, offers, about, covers) => {
    await withSettings(beforeTheDay, async () => {
      const person = await makePerson(database.db);
      const answer = await write(person.phone, body, role, noon);
      const reply = answer.ok ? answer.reply!.body : '';
      if (offers === null) expect(reply).toContain('no more texts');
      else expect(reply).toContain(offers);
      const entries = await database.db
        .select()
        .from(smsOptOuts)
        .where(eq(smsOptOuts.phone, person.phone))
        .orderBy(asc(smsOptOuts.id));
      expect(entries).toMatchObject([
        { act: 'opted_out', saidTo: role, senders: about, covers, sender: senders[role] },
      ]);
    });
  },
);

test('a START is confirmed with what it allows again, and how the rest is', async () => {
  await withSettings(beforeTheDay, async () => {
    const { phone } = await makePerson(database.db);
    const start = async (role: SenderRole, seconds: number) => {
      const answer = await write(phone, 'start texting me again', role, after(noon, seconds));
      return answer.ok ? answer.reply?.body : null;
    };
    await write(phone, 'STOP', 'updates', noon);
    await write(phone, 'STOP', 'codes', after(noon, 10));
    expect(await start('updates', 60)).toContain(
      ': updates to this number are allowed again. Codes stay off until you text START to their number.',
    );
    expect(await start('codes', 120)).toContain(': texts to this number are allowed again. Choose');
    await write(phone, 'STOP', 'updates', after(noon, 180));
    await write(phone, 'STOP', 'codes', after(noon, 190));
    expect(await start('codes', 240)).toContain(
      ': codes to this number are allowed again. Updates stay off until you text START',
    );
    const replies = await database.db.execute<{ lifts: string | null }>(
      sql`select params->>'lifts' as lifts from sms_messages where phone = ${phone} and template = 'startConfirmation' order by created_at`,
    );
    expect(replies.rows.map(({ lifts }) => lifts)).toEqual(['updates', null, 'codes']);
  });
});

test('what stops a text says since when and by what, of the sender that it would come from', async () => {
  await withSettings(beforeTheDay, async () => {
    const { phone } = await makePerson(database.db);
    const explain = async () => {
      const number = await readNumber(database.db, phone);
      return (['update', 'verification'] as const).map((purpose) => explainStop(number, purpose, { twilio }));
    };
    const by = (seconds: number, what: string) => ({ since: after(noon, seconds).toISOString(), by: what });
    await write(phone, 'STOP', 'updates', noon);
    expect(await explain()).toEqual([by(0, 'sms_stop'), null]);
    await database.db.transaction((tx) =>
      markSuppressed(tx, {
        phone,
        by: 'carrier_stop',
        now: after(noon, 60),
        senders: ['updates', 'codes'],
        saidTo: 'codes',
      }),
    );
    expect(await explain()).toEqual([by(0, 'sms_stop'), by(60, 'carrier_stop')]);
    await write(phone, 'STOP', 'codes', after(noon, 90));
    expect(await explain()).toEqual([by(0, 'sms_stop'), by(60, 'carrier_stop')]);
    await write(phone, 'START', 'updates', after(noon, 120));
    expect(await explain()).toEqual([null, by(60, 'carrier_stop')]);
    await write(phone, 'STOP', 'updates', after(noon, 180));
    expect(await explain()).toEqual([by(180, 'sms_stop'), by(60, 'carrier_stop')]);
    await write(phone, 'START', 'codes', after(noon, 240));
    await write(phone, 'START', 'updates', after(noon, 300));
    expect(await explain()).toEqual([null, null]);
    await write(phone, 'STOP', 'updates', after(noon, 360));
    expect(await explain()).toEqual([by(360, 'sms_stop'), null]);
  });
});

test('a number that texts STOP to a former number of ours is opted out of both', async () => {
  await withSettings(beforeTheDay, async () => {
    const { phone } = await makePerson(database.db);
    await write(phone, 'STOP', 'updates', noon, '+15005550099');
    const number = await readNumber(database.db, phone);
    expect(suppressedSenders(number)).toEqual(['codes', 'updates']);
    expect(await readStarts(database.db, number)).toEqual([{ lifts: 'all', phone: fromPhone }]);
  });
});

test('of two services the number that each STOP was sent to is named for its START', async () => {
  const services = {
    ...twilio!,
    sender: { messagingServiceSid: 'MG1' },
    codesSender: { messagingServiceSid: 'MG2' },
  };
  await withSettings({ ...beforeTheDay, twilio: services }, async () => {
    const { phone } = await makePerson(database.db);
    const stop = (to: string, messagingServiceSid: string, now: Date) =>
      receiveText(
        database.db,
        {
          ...{ sid: `SM${newId().replaceAll('-', '')}`, from: phone, to, body: 'STOP' },
          ...{ messagingServiceSid, optOutType: null },
        },
        contextAt(now),
      );
    await stop('+15005550021', 'MG1', noon);
    await stop('+15005550022', 'MG2', after(noon, 60));
    expect(await readStarts(database.db, await readNumber(database.db, phone))).toEqual([
      { lifts: 'updates', phone: '+15005550021' },
      { lifts: 'codes', phone: '+15005550022' },
    ]);
  });
});

test('a STOP from the time of one sender is about both, and one START takes it back', async () => {
  const { phone } = await makePerson(database.db);
  await database.db.execute(
    sql`update phone_numbers set suppressed_at = ${noon}, suppressed_by = 'sms_stop' where number = ${phone}`,
  );
  await withSettings(beforeTheDay, async () => {
    const number = await readNumber(database.db, phone);
    expect([isOptedOut(number, 'update'), isOptedOut(number, 'verification')]).toEqual([true, true]);
    expect(listStarts(number!)).toEqual([{ to: 'updates', lifts: 'all' }]);
  });
});

test('where there is one sender again, a STOP to the one of updates is about codes, too', async () => {
  const { phone } = await makePerson(database.db);
  await withSettings(beforeTheDay, () => write(phone, 'STOP', 'updates', noon));
  await withSettings({ twilio: { ...twilio!, codesSender: null } }, async () => {
    const number = await readNumber(database.db, phone);
    expect(isOptedOut(number, 'verification')).toBe(true);
    await write(phone, 'START', 'updates', after(noon, 60));
    expect(suppressedSenders(await readNumber(database.db, phone))).toEqual([]);
  });
});

/** The carrier refuses a text of one of our senders with 21610: it was called for at one moment, and failed at another. */
async function refuse(phone: string, role: SenderRole, calledAt: Date, failedAt = calledAt): Promise<void> {
  await database.db.transaction((tx) =>
    applyEffect(
      tx,
      { kind: 'final', reason: 'opted_out', alert: false, effect: 'opt_out' },
      {
        text: { phone, userId: null, purpose: role === 'codes' ? 'verification' : 'update', sendClass: null },
        ...{
          sender: senders[role],
          sid: `SM${newId().replaceAll('-', '')}`,
          calledAt,
          failedAt,
          now: failedAt,
        },
      },
    ),
  );
}

const readEntries = (phone: string) =>
  database.db.select().from(smsOptOuts).where(eq(smsOptOuts.phone, phone)).orderBy(asc(smsOptOuts.id));

test('a START to codes outlives the refusal of a code that was called for before it, and no later one', async () => {
  await withSettings(beforeTheDay, async () => {
    const { phone } = await makePerson(database.db);
    await write(phone, 'STOP', 'updates', after(noon, 10));
    await write(phone, 'STOP', 'codes', after(noon, 20));
    await write(phone, 'START', 'codes', after(noon, 200));
    const stopped = async () => suppressedSenders(await readNumber(database.db, phone));
    await refuse(phone, 'codes', after(noon, 100), after(noon, 210));
    expect(await stopped()).toEqual(['updates']);
    await refuse(phone, 'codes', after(noon, 300));
    expect(await stopped()).toEqual(['codes', 'updates']);
  });
});

test('the ledger says which sender the carrier blocks, and of a letter that it was said to none', async () => {
  const service = { ...twilio!, sender: { messagingServiceSid: 'MG1' } };
  await withSettings({ ...beforeTheDay, twilio: service }, async () => {
    const { phone } = await makePerson(database.db);
    await receiveText(
      database.db,
      {
        ...{ sid: `SM${newId().replaceAll('-', '')}`, from: phone, to: '+15005550021', body: 'STOP' },
        ...{ messagingServiceSid: 'MG1', optOutType: null },
      },
      contextAt(after(noon, 10)),
    );
    await refuse(phone, 'codes', after(noon, 100));
    await happen('a letter', phone, after(noon, 200));
    expect((await readEntries(phone)).map(({ channel, saidTo }) => [channel, saidTo])).toEqual([
      ['text', 'updates'],
      ['carrier', 'codes'],
      ['letter', null],
    ]);
    expect(await readStarts(database.db, await readNumber(database.db, phone))).toEqual([
      { lifts: 'updates', phone: '+15005550021' },
      { lifts: 'codes', phone: codesPhone },
    ]);
  });
});

test('of a number that texts without end a STOP after a START about one sender is written, and little else', async () => {
  await withSettings(beforeTheDay, async () => {
    const { phone } = await makePerson(database.db);
    const findDifferences = async () => {
      const found: unknown[] = [];
      await checkAllLedgers(database.db, new Date(), (part, came) => {
        if (part === 'numbers' || part === 'opt_outs') found.push(came);
      });
      return found;
    };
    const before = await findDifferences();
    let seconds = 0;
    const say = (body: string, to: SenderRole) => write(phone, body, to, after(noon, (seconds += 60)));
    for (let round = 0; round < 9; round += 1) {
      await say('STOP', 'updates');
      await say('START', 'updates');
    }
    await say('STOP', 'codes');
    await say('START', 'updates');
    expect(await readEntries(phone)).toHaveLength(20);
    await say('STOP', 'codes');
    expect(suppressedSenders(await readNumber(database.db, phone))).toEqual(['codes', 'updates']);
    expect(await findDifferences()).toEqual(before);
    for (let round = 0; round < 5; round += 1) {
      for (const body of ['STOP', 'START', 'STOPALL'] as const) {
        await say(body, 'updates');
        await say(body, 'codes');
      }
    }
    const added = (await readEntries(phone)).slice(20);
    expect(added.map(({ act, saidTo, senders: about }) => [act, saidTo, about?.length])).toEqual([
      ['opted_out', 'codes', 2],
      ['opted_out', 'updates', 1],
      ['opted_out', 'updates', 2],
    ]);
  });
});
