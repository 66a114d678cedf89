import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { phoneNumbers } from '@/db/schema/sms';
import {
  findConsentedPhones,
  finishStop,
  grantConsent,
  hasConsent,
  listLastWordsAt,
  readLastAct,
  readStandingConsent,
  withdrawConsent,
} from '@/lib/consent/ledger';
import { keepHouse } from '@/lib/housekeeping';
import { newId } from '@/lib/random';
import { checkConsents } from '@/lib/reporting/ledgers/check-numbers';
import { sealPhoneId } from '@/lib/reporting/phone-id';
import { readPhonePage } from '@/lib/reporting/phone-page';
import { developmentSender } from '@/lib/sms/senders/sender';
import type { FoundLate } from '@/lib/sms/inbound/found-late';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { lockNumber } from '@/lib/sms/numbers/number';
import { finishStops } from '@/lib/sms/outbox/opt-out';
import { readPreferencesPage } from '@/lib/sms/preferences/preferences-page';
import { recordStatements, useDatabase } from '@/tests/support/database';
import { after, contextAt, givePending, givePerson, newPhone, noon } from '@/tests/support/people';
import { askForUpdate, askPolicy, makeEnv } from '@/tests/support/texts';

const database = useDatabase();
const both = ['verification', 'updates'] as const;

/** More than a STOP withdraws at once, in the order of their ids. */
const crowd = 1_200;
let phone: string;

beforeEach(() => {
  phone = newPhone();
});

/** So many accounts that name the number and agreed to everything at noon, on some form. */
async function giveCrowd(howMany = crowd): Promise<void> {
  await database.pool.query(
    `with agreed as (
      insert into users (id, email, email_key, name, password_hash, phone, created_at, activated_at, password_changed_at)
      select ('00000000-' || right($1, 4) || '-4000-8000-' || lpad(n::text, 12, '0'))::uuid, n || $1, n || $1, '', '-', $1, $2, $2, $2
      from generate_series(1, $3::int) n returning id
    ), wishes as (
      insert into sms_preferences (user_id, enabled, updated_at) select id, true, $2::timestamptz from agreed
    )
    insert into sms_consents (at, user_id, phone, scope, action, medium, wording_version, wording, sender)
    select $2::timestamptz, id, $1, scope, 'granted', 'registration', '1', '-', 'Doorstep'
    from agreed, unnest(array['verification', 'updates']) scope`,
    [phone, noon, howMany],
  );
}

/** One of the crowd: a STOP withdraws for the first 500 at once. */
function account(nth: number): { userId: string; phone: string } {
  return { userId: `00000000-${phone.slice(-4)}-4000-8000-${String(nth).padStart(12, '0')}`, phone };
}

async function giveHolder(): Promise<{ userId: string; phone: string }> {
  const { userId } = await givePerson(database.db, { active: true, phone, enabled: true, now: noon });
  const held = { holderUserId: userId, heldSince: noon };
  await database.db
    .insert(phoneNumbers)
    .values({ number: phone, ...held })
    .onConflictDoUpdate({ target: phoneNumbers.number, set: held });
  await agree(userId, both, noon);
  return { userId, phone };
}

async function agree(
  userId: string,
  scopes: readonly ('verification' | 'updates')[],
  now: Date,
): Promise<void> {
  await database.db.transaction(async (tx) => {
    await lockNumber(tx, phone);
    await grantConsent(tx, { userId, phone, scopes, medium: 'preferences' }, contextAt(now));
  });
}

async function say(body: string, now: Date, late: FoundLate | null = null): Promise<void> {
  const sid = `SM${newId().replaceAll('-', '')}`;
  const text = { sid, from: phone, to: developmentSender, messagingServiceSid: null, body, optOutType: null };
  expect(await receiveText(database.db, text, contextAt(now), { late })).toMatchObject({ ok: true });
}

/** A STOP sent at a moment, and found an hour later. */
function findStop(sentAt: Date): Promise<void> {
  return say('STOP', after(sentAt, 3600), { sentAt, earlier: new Set(), later: new Set() });
}

async function standing({ userId }: { userId: string }): Promise<string[]> {
  return [...(await readStandingConsent(database.db, { userId, phone }))].sort();
}

/** How many rows there are of the number by what they say, how often one of them says it again, and how many STOPs are unfinished. */
async function countRows(): Promise<{ withdrawn: number; again: number; unfinished: number }> {
  const { rows } = await database.db.execute<{ withdrawn: number; again: number; unfinished: number }>(sql`
    select count(*)::int as withdrawn, count(*)::int - count(distinct (user_id, scope))::int as again,
      (select count(*)::int from sms_unfinished_stops where phone = ${phone}) as unfinished
    from sms_consents where phone = ${phone} and action = 'withdrawn'`);
  return rows[0]!;
}

describe('a STOP of a number that very many accounts name', () => {
  test('takes as many statements and rows for twice as many, and is whole after the chores', async () => {
    await giveCrowd(600);
    const few = await recordStatements(database.pool, () => say('STOP', after(noon, 10)));
    expect(await countRows()).toEqual({ withdrawn: 1_000, again: 0, unfinished: 1 });
    phone = newPhone();
    await giveCrowd();
    const many = await recordStatements(database.pool, () => say('STOP', after(noon, 10)));
    expect(many).toHaveLength(few.length);
    expect(await countRows()).toEqual({ withdrawn: 1_000, again: 0, unfinished: 1 });

    await keepHouse(database.db, after(noon, 60));
    expect(await countRows()).toEqual({ withdrawn: 2 * crowd, again: 0, unfinished: 0 });
    const { rows } = await database.db.execute(
      sql`select distinct at, medium, sender from sms_consents where phone = ${phone} and action = 'withdrawn'`,
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ medium: 'sms_stop', sender: 'Doorstep' });
  });

  test.each([['before the chores'], ['after them']])(
    'is what every reader says of every account, %s',
    async (when) => {
      await giveCrowd();
      const stoppedAt = after(noon, 10);
      await say('STOP', stoppedAt);
      if (when === 'after them') await keepHouse(database.db, after(noon, 60));
      const { db } = database;
      const env = makeEnv(database.url);
      for (const nth of [1, 500, 501, crowd]) {
        const person = account(nth);
        expect(await hasConsent(db, { ...person, scope: 'updates' })).toBe(false);
        expect(await standing(person)).toEqual([]);
        expect(await findConsentedPhones(db, person.userId)).toEqual([]);
        const withdraw = { ...person, scopes: both, medium: 'number_removed' as const };
        expect(await db.transaction((tx) => withdrawConsent(tx, withdraw, after(noon, 20)))).toEqual([]);
        const last = await readLastAct(db, { ...person, scope: 'updates' });
        expect(last).toMatchObject({ action: 'withdrawn', medium: 'sms_stop', at: stoppedAt });
        const page = await readPreferencesPage(db, { ...person, phoneMovedAt: null }, after(noon, 20));
        expect(page).toMatchObject({ phone: { stopped: 'all' }, texts: { consent: 'none' } });
        const text = { id: await askForUpdate(db, person, { now: after(noon, 20) }) };
        const policy = () => askPolicy(db, text, { now: after(noon, 20), env });
        expect(await policy()).toMatchObject({ answer: 'refuse', reason: 'stopped' });
        // Even if nothing but consent were asked for.
        await db.execute(
          sql`update phone_numbers set suppressed_at = null, holder_user_id = ${person.userId} where number = ${phone}`,
        );
        expect(await policy()).toMatchObject({ answer: 'refuse', reason: 'no_consent' });
        await db.execute(
          sql`update phone_numbers set suppressed_at = ${stoppedAt}, holder_user_id = null where number = ${phone}`,
        );
      }
      const words = await listLastWordsAt(db, phone, crowd);
      expect(words).toHaveLength(2 * crowd);
      expect(new Set(words.map(({ action, at }) => `${action} ${at.toISOString()}`))).toEqual(
        new Set([`withdrawn ${stoppedAt.toISOString()}`]),
      );
      const { userId: adminId } = await givePerson(db, { active: true, role: 'admin' });
      const seen = await readPhonePage(db, sealPhoneId(phone), { adminId, now: after(noon, 20) });
      expect(new Set(seen!.consents.map(({ action }) => action))).toEqual(new Set(['withdrawn']));
    },
  );

  test('loses nothing when the chore is killed between two batches, or in one, or done twice at once', async () => {
    await giveCrowd();
    await say('STOP', after(noon, 10));
    await finishStops(database.db, noon, 200);
    expect(await countRows()).toEqual({ withdrawn: 1_400, again: 0, unfinished: 1 });
    const killed = database.db.transaction(async (tx) => {
      await lockNumber(tx, phone);
      await finishStop(tx, phone, 200);
      throw new Error('killed');
    });
    await expect(killed).rejects.toThrow('killed');
    expect(await countRows()).toEqual({ withdrawn: 1_400, again: 0, unfinished: 1 });
    expect(await standing(account(800))).toEqual([]);
    await Promise.all([1, 2].map(() => finishStops(database.db, noon, 200)));
    await Promise.all([1, 2].map(() => keepHouse(database.db, after(noon, 60))));
    await keepHouse(database.db, after(noon, 120));
    expect(await countRows()).toEqual({ withdrawn: 2 * crowd, again: 0, unfinished: 0 });
  });

  test.each(['infinity', '-infinity', '0044-03-15 00:00Z BC'])(
    'is finished, and is no hindrance for other numbers, where its row says that it is of %s',
    async (moment) => {
      await giveCrowd(600);
      await say('STOP', after(noon, 10));
      await database.pool.query('update sms_unfinished_stops set at = $1, agreed_before = $1', [moment]);
      const odd = phone;
      phone = newPhone();
      await giveCrowd(600);
      await say('STOP', after(noon, 10));
      await keepHouse(database.db, after(noon, 60));
      expect(await countRows()).toEqual({ withdrawn: 1_200, again: 0, unfinished: 0 });
      phone = odd;
      expect(await countRows()).toEqual({ withdrawn: 1_200, again: 0, unfinished: 0 });
    },
  );

  test('leaves a number to the next round that others hold, and is no hindrance for other numbers', async () => {
    await giveCrowd(600);
    await say('STOP', after(noon, 10));
    const held = phone;
    phone = newPhone();
    await giveCrowd(600);
    await say('STOP', after(noon, 10));
    await database.db.transaction(async (tx) => {
      await lockNumber(tx, held);
      await keepHouse(database.db, after(noon, 60));
    });
    expect(await countRows()).toMatchObject({ unfinished: 0 });
    phone = held;
    expect(await countRows()).toMatchObject({ unfinished: 1 });
    await keepHouse(database.db, after(noon, 120));
    expect(await countRows()).toEqual({ withdrawn: 1_200, again: 0, unfinished: 0 });
  });
});

describe('while a STOP is unfinished', () => {
  test('a START gives back what it always does: to the holder, and to who waits for a code', async () => {
    await giveCrowd();
    const holder = await giveHolder();
    const asker = await givePending(database.db, phone, noon);
    await say('STOP', after(noon, 10));
    expect([await standing(holder), await standing(asker)]).toEqual([[], []]);
    await say('START', after(noon, 20));
    for (const round of [60, 120]) {
      expect(await standing(holder)).toEqual(['updates', 'verification']);
      expect(await standing(asker)).toEqual(['verification']);
      for (const nth of [1, 500, 501, crowd]) expect(await standing(account(nth))).toEqual([]);
      await keepHouse(database.db, after(noon, round));
    }
    expect(await countRows()).toEqual({ withdrawn: 2 * crowd + 3, again: 0, unfinished: 0 });
  });

  test('who agrees after it keeps that, and nothing else', async () => {
    await giveCrowd();
    await say('STOP', after(noon, 10));
    await agree(account(1_000).userId, ['verification'], after(noon, 20));
    await agree(account(1).userId, ['updates'], after(noon, 20));
    for (const round of [60, 120]) {
      expect(await standing(account(1_000))).toEqual(['verification']);
      expect(await standing(account(1))).toEqual(['updates']);
      await keepHouse(database.db, after(noon, round));
    }
    expect(await countRows()).toMatchObject({ again: 0, unfinished: 0 });
  });

  test('another STOP covers who agreed between the two', async () => {
    await giveCrowd();
    await say('STOP', after(noon, 10));
    await agree(account(1_000).userId, both, after(noon, 20));
    await finishStops(database.db, noon, 600);
    await say('STOP', after(noon, 30));
    await agree(account(1_001).userId, both, after(noon, 40));
    for (const round of [60, 120]) {
      expect(await standing(account(1_000))).toEqual([]);
      expect(await standing(account(1_001))).toEqual(['updates', 'verification']);
      await keepHouse(database.db, after(noon, round));
    }
    expect(await countRows()).toMatchObject({ unfinished: 0 });
  });

  test('an account that ends leaves a ledger in which all is withdrawn', async () => {
    await giveCrowd();
    await say('STOP', after(noon, 10));
    await database.db.execute(sql`delete from users where id = ${account(900).userId}`);
    await keepHouse(database.db, after(noon, 60));
    expect(await countRows()).toEqual({ withdrawn: 2 * crowd, again: 0, unfinished: 0 });
  });
});

describe('a STOP that was found late', () => {
  test('spares who agreed later, whatever they say of one scope meanwhile', async () => {
    await giveCrowd();
    const sentAt = after(noon, 600);
    const [later, oneScope, sooner] = [account(1_000), account(1_001), account(1_002)];
    await agree(later.userId, both, after(sentAt, 120));
    await agree(oneScope.userId, ['verification'], after(sentAt, 120));
    await agree(sooner.userId, ['verification'], after(sentAt, 30));
    await findStop(sentAt);
    expect(await countRows()).toEqual({ withdrawn: 1_000, again: 0, unfinished: 1 });
    const withdraw = { ...oneScope, scopes: ['verification'] as const, medium: 'preferences' as const };
    await database.db.transaction((tx) => withdrawConsent(tx, withdraw, after(sentAt, 4_000)));
    for (const round of [5_000, 5_060]) {
      expect(await standing(later)).toEqual(['updates', 'verification']);
      expect(await standing(oneScope)).toEqual(['updates']);
      expect(await standing(sooner)).toEqual([]);
      expect(await standing(account(crowd))).toEqual([]);
      await keepHouse(database.db, after(sentAt, round));
    }
    expect(await countRows()).toEqual({ withdrawn: 2 * crowd - 3, again: 0, unfinished: 0 });
    const last = await readLastAct(database.db, { ...account(crowd), scope: 'updates' });
    expect(last).toMatchObject({ action: 'withdrawn', at: sentAt });
  });

  test('spares nobody whom a STOP in time is about, too', async () => {
    await giveCrowd();
    const later = account(1_000);
    await agree(later.userId, both, after(noon, 720));
    await findStop(after(noon, 600));
    expect(await standing(later)).toEqual(['updates', 'verification']);
    await say('STOP', after(noon, 5_000));
    expect(await countRows()).toMatchObject({ unfinished: 2 });
    for (const round of [5_060, 5_120]) {
      expect(await standing(later)).toEqual([]);
      await keepHouse(database.db, after(noon, round));
    }
    expect(await countRows()).toEqual({ withdrawn: 2 * crowd, again: 0, unfinished: 0 });
  });
});

test('the nightly check of the ledgers takes the rows that are missing yet for no fault', async () => {
  await giveCrowd();
  await say('STOP', after(noon, 300));
  const kinds = async () => {
    const found: string[] = [];
    for await (const some of checkConsents(database.db)) found.push(...some.map(({ kind }) => kind));
    return found;
  };
  expect(await kinds()).not.toContain('consent_despite_stop');
  await database.pool.query('delete from sms_unfinished_stops where phone = $1', [phone]);
  expect(await kinds()).toContain('consent_despite_stop');
});
