import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { register } from '@/lib/auth/registration/register';
import { env } from '@/lib/env';
import { openConsole } from '@/lib/sms/provider/console';
import { codesInLine } from '@/lib/sms/capacity/send-order';
import { runDispatcher } from '@/lib/sms/dispatch/dispatch';
import { explainNext } from '@/lib/sms/dispatch/explain-next';
import { lockNumber } from '@/lib/sms/numbers/number';
import { requestCode } from '@/lib/sms/verification/request';
import { readVerificationState } from '@/lib/sms/verification/state';
import { useDatabase } from '../../../support/database';
import { contextAt, givePerson, newEmail, newPhone } from '../../../support/people';
import { withSettings } from '../../../support/settings';
import { askForUpdate, makeEnv, makePerson, twilioVariables } from '../../../support/texts';

// What is tested is the line of codes, not how long a password takes to hash.
vi.mock('@/lib/accounts/password', async (original) => ({
  ...(await original<object>()),
  hashPassword: async () => ({ ok: true, value: 'v1$no-password-has-this-hash' }),
}));

const settings = { SMS_MESSAGES_PER_SECOND: '1', SMS_DAILY_BUDGET_USD: '1000' };
Object.assign(process.env, settings);

const database = useDatabase();
let dispatcher: { stop(): Promise<void> } | undefined;
/** The numbers of the texts that reached the provider, in their order. */
let printed: Set<string>;

beforeEach(async () => {
  await database.db.execute(
    sql`truncate sms_messages, sms_senders, sms_spend, sms_verification_log, rate_limits, users cascade`,
  );
  printed = new Set();
});

afterEach(async () => {
  await dispatcher?.stop();
  dispatcher = undefined;
});

function start(): void {
  const provider = openConsole((line) => {
    printed.add(/to=(\+\d+)/.exec(line)![1]!);
  });
  const env = makeEnv(database.url, settings);
  dispatcher = runDispatcher({ env, db: database.db, provider, log: () => undefined });
}

/** On a machine that is busy a text may miss its place in the pace; then the next one goes before it, and no other. */
async function expectAmongFirst(phone: string): Promise<void> {
  await vi.waitFor(() => expect(printed.size).toBeGreaterThan(1), 30_000);
  expect([...printed].slice(0, 2)).toContain(phone);
}

async function registerFrom(address: string, phone = newPhone()): Promise<string> {
  const answer = await register(
    database.db,
    {
      email: newEmail(),
      name: 'Test Person',
      password: 'correct horse battery staple',
      phone,
      smsOptIn: false,
      verifyPhone: true,
      tcpaConsent: true,
      timeZone: null,
    },
    contextAt(new Date(), address),
  );
  return answer.ok ? 'registered' : answer.reason;
}

/** Registers from all these addresses, twenty at a time; out: how often each answer came. */
async function crowd(addresses: readonly string[]): Promise<Record<string, number>> {
  const answers: Record<string, number> = {};
  const waiting = [...addresses];
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (let address = waiting.shift(); address !== undefined; address = waiting.shift()) {
        const answer = await registerFrom(address);
        answers[answer] = (answers[answer] ?? 0) + 1;
      }
    }),
  );
  return answers;
}

/**
 * How many seconds after its row the code of someone else reaches the provider, counted in places: at one message a second
 * each text that goes before it is a second, however slow the machine is.
 */
async function countPlacesBeforeOneCode(): Promise<number> {
  const phone = newPhone();
  const before = new Set(printed);
  expect(await registerFrom('198.51.100.7', phone)).toBe('registered');
  await vi.waitFor(() => expect([...printed]).toContain(phone), { timeout: 60_000, interval: 20 });
  return [...printed].filter((other) => !before.has(other)).indexOf(phone) + 1;
}

describe('a crowd at one message a second', () => {
  test('of 1,000 registrations from one /48 delays someone else’s code by at most 3 seconds', async () => {
    start();
    const hex = (number: number) => number.toString(16);
    const answers = await crowd(
      Array.from({ length: 1000 }, (_, index) => `2001:db8:77:${hex(index)}::${hex(index + 1)}`),
    );
    // A /48 may do so four times as often as one line.
    expect(answers).toEqual({ registered: expect.any(Number), too_many_requests: expect.any(Number) });
    expect(answers.registered).toBeLessThan(100);
    expect(await countPlacesBeforeOneCode()).toBeLessThanOrEqual(3);
  });

  test('of 1,200 registrations from 60 addresses delays it by at most 15 seconds', async () => {
    start();
    const answers = await crowd(Array.from({ length: 1200 }, (_, index) => `203.0.113.${index % 60}`));
    expect(answers).toEqual({ registered: 1200 });
    expect(await countPlacesBeforeOneCode()).toBeLessThanOrEqual(15);
    // Nobody waits in vain: what would come too late is refused, and the rest is at most a minute long.
    const { rows } = await database.db.execute<{ waiting: number; refused: number }>(sql`
      select (select count(*)::int from sms_messages where status = 'queued') as waiting,
        (select count(*)::int from sms_verification_log where reason = 'crowded') as refused`);
    expect(rows[0]!.waiting).toBeLessThan(80);
    expect(rows[0]!.refused).toBeGreaterThan(1_000);
  }, 180_000);
});

describe('a stranger’s code that would wait more than a minute', () => {
  /** The address of the how many-th: each is in a network of another provider. */
  const addressOf = (nth: number) => `100.${nth}.113.1`;

  type Asker = { userId: string; phone: string };

  async function giveAsker(): Promise<Asker> {
    const phone = newPhone();
    return {
      phone,
      ...(await givePerson(database.db, { active: true, phone, agreed: true, now: new Date() })),
    };
  }

  async function ask(address: string, { holds = false, asker }: { holds?: boolean; asker?: Asker } = {}) {
    const { userId, phone } = asker ?? (await giveAsker());
    const now = new Date();
    const answer = await database.db.transaction(async (tx) => {
      const number = await lockNumber(tx, phone);
      const held = { ...number, holderUserId: holds ? userId : null };
      return requestCode(tx, { userId, purpose: 'prove', number: held }, contextAt(now, address));
    });
    return { userId, phone, now, answer };
  }

  test('is refused at once, uncharged, with the moment, and the page says so', async () => {
    for (let asked = 0; asked < 60; asked += 1) await ask(addressOf(asked));
    const { userId, phone, now, answer } = await ask('198.51.100.8');
    expect(answer).toMatchObject({ ok: false, reason: 'crowded' });
    const retryAt = (answer as { retryAt: Date }).retryAt;
    expect(retryAt.getTime()).toBeGreaterThan(now.getTime());
    // Its number is of a prefix for which others wait, so half a minute.
    expect(retryAt.getTime()).toBe(now.getTime() + 30_000);
    const { rows } = await database.db.execute<{ sends: number }>(
      sql`select cardinality(prove_sends) as sends from phone_numbers where number = ${phone}`,
    );
    expect(rows[0]!.sends).toBe(0);
    expect(await readVerificationState(database.db, { userId, phone }, now)).toMatchObject({
      text: { status: 'failed', reason: 'crowded' },
      sends: { retryAt },
      skipAt: now,
    });
  });

  test('is asked for again at that moment as if it was only the second time, however often that was', async () => {
    for (let asked = 0; asked < 60; asked += 1) await ask(addressOf(asked));
    const askers = [await giveAsker(), await giveAsker()];
    for (const asker of [...askers, ...askers, ...askers]) {
      const { answer } = await ask('198.51.100.8', { asker });
      expect(answer).toMatchObject({ ok: false, reason: 'crowded' });
    }
    await database.db.execute(sql`delete from sms_messages`);
    expect((await ask('198.51.100.8')).answer).toMatchObject({ ok: true });
    const { rows } = await database.db.execute(sql`
      with clock as materialized (select clock_timestamp() as now)
      select asked::int from (${codesInLine(sql`(select now from clock)`)}) line`);
    // Once for each of the two, and once for what was asked for now.
    expect(rows).toEqual([{ asked: 3 }]);
  });

  test('keeps no proven holder from theirs, which goes out in front of all strangers', async () => {
    for (let asked = 0; asked < 60; asked += 1) await ask(addressOf(asked));
    const { phone, answer } = await ask('198.51.100.8', { holds: true });
    expect(answer).toMatchObject({ ok: true });
    start();
    await expectAmongFirst(phone);
  });

  test('goes in front of those whose network asked for more, whenever they came', async () => {
    for (let asked = 0; asked < 10; asked += 1) await ask('203.0.113.1');
    const single = await ask('198.51.100.8');
    start();
    await expectAmongFirst(single.phone);
  });

  test('goes in front of codes to choose a new password that one network asked for', async () => {
    for (let asked = 0; asked < 10; asked += 1) await ask('203.0.113.1');
    await database.db.execute(sql`update sms_messages set send_class = 'recover'`);
    const single = await ask('198.51.100.8');
    start();
    await expectAmongFirst(single.phone);
  });

  test('is refused earlier while updates wait for the same sender, and not for those of another', async () => {
    for (let asked = 0; asked < 50; asked += 1) await ask(addressOf(asked));
    await askForUpdate(database.db, await makePerson(database.db));
    const person = await makePerson(database.db);
    await database.db.execute(
      sql`update phone_numbers set holder_user_id = null where number = ${person.phone}`,
    );
    const readReason = async () => {
      const [text] = await explainNext(database.db, person, ['code'], { env: env(), now: new Date() });
      return text!.gates.find(({ gate }) => gate === 'request')!.reason;
    };
    expect((await ask('198.51.100.8')).answer).toMatchObject({ ok: false, reason: 'crowded' });
    // Their number is of another prefix, of which no code waits: it would go out among the first.
    expect(await readReason()).toBeNull();
    await database.db.execute(sql`
      update sms_messages set phone = left(${person.phone}, -4) || right(phone, 4) where purpose = 'verification'`);
    expect(await readReason()).toBe('crowded');
    const { twilio } = makeEnv(database.url, {
      ...twilioVariables('http://localhost:1'),
      TWILIO_CODES_FROM_PHONE: '+15005550016',
    });
    await withSettings({ twilio }, async () => {
      expect(await readReason()).toBeNull();
      expect((await ask('198.51.100.9')).answer).toMatchObject({ ok: true });
    });
  });
});
