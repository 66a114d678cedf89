import { and, asc, eq } from 'drizzle-orm';
import { describe, expect, it } from 'vitest';
import { smsConsents, smsOptOuts, type ConsentScope } from '@/db/schema/consent';
import { phoneNumbers, smsMessages } from '@/db/schema/sms';
import { env } from '@/lib/env';
import { grantConsent, readStandingConsent, withdrawConsent } from '@/lib/consent/ledger';
import { keepHouse } from '@/lib/housekeeping';
import { newId } from '@/lib/random';
import { spendMark, sumSpend } from '@/lib/sms/capacity/budget';
import { applyStatus } from '@/lib/sms/delivery/status-report';
import { receiveText } from '@/lib/sms/inbound/receive-text';
import { type InboundText } from '@/lib/sms/inbound/read-inbound-text';
import { readNumber } from '@/lib/sms/numbers/number';
import { countSegments } from '@/lib/sms/outbox/segments';
import { developmentSender } from '@/lib/sms/senders/sender';
import { skipVerification } from '@/lib/sms/verification/skip-verification';
import { checkCode } from '@/lib/sms/verification/check-code';
import { findAskers } from '@/lib/sms/verification/verification-log';
import { readVerificationState } from '@/lib/sms/verification/state';
import { releaseTogether } from '../../../support/barrier';
import { recordStatements, useDatabase } from '../../../support/database';
import { after, contextAt, givePending, givePerson, newPhone, noon, readCode } from '../../../support/people';
import { askPolicy, askForUpdate, makeEnv, readText } from '../../../support/texts';

const database = useDatabase();
const day = 24 * 3600;
const both: ConsentScope[] = ['verification', 'updates'];

function makeText(from: string, body: string, overrides: Partial<InboundText> = {}): InboundText {
  return {
    sid: `SM${newId().replaceAll('-', '')}`,
    from,
    to: developmentSender,
    messagingServiceSid: null,
    body,
    optOutType: null,
    ...overrides,
  };
}

async function receive(from: string, body: string, now = noon, overrides: Partial<InboundText> = {}) {
  const answer = await receiveText(database.db, makeText(from, body, overrides), contextAt(now));
  if (!answer.ok) throw new Error(answer.reason);
  return answer;
}

/** Someone with an open account, consent to everything, and proof of their number since `now`. */
async function giveHolder(phone: string, { now = noon, enabled = true } = {}) {
  const person = await givePerson(database.db, { active: true, phone, enabled, now });
  await agree(person.userId, phone, both, now);
  await database.db
    .insert(phoneNumbers)
    .values({ number: phone, holderUserId: person.userId, heldSince: now })
    .onConflictDoUpdate({
      target: phoneNumbers.number,
      set: { holderUserId: person.userId, heldSince: now },
    });
  return { ...person, phone };
}

async function agree(userId: string, phone: string, scopes: ConsentScope[], now = noon) {
  await database.db.transaction((tx) =>
    grantConsent(tx, { userId, phone, scopes, medium: 'registration' }, contextAt(now)),
  );
}

async function pending(phone: string, now = noon) {
  const prover = await givePending(database.db, phone, now);
  await agree(prover.userId, phone, ['verification'], now);
  return prover;
}

async function standing(userId: string, phone: string): Promise<ConsentScope[]> {
  return [...(await readStandingConsent(database.db, { userId, phone }))].sort();
}

async function ledger(phone: string) {
  return database.db
    .select({
      userId: smsConsents.userId,
      scope: smsConsents.scope,
      action: smsConsents.action,
      medium: smsConsents.medium,
    })
    .from(smsConsents)
    .where(eq(smsConsents.phone, phone))
    .orderBy(asc(smsConsents.id));
}

async function optOuts(phone: string) {
  return database.db.select().from(smsOptOuts).where(eq(smsOptOuts.phone, phone)).orderBy(asc(smsOptOuts.id));
}

async function codesSentTo(phone: string) {
  return database.db
    .select()
    .from(smsMessages)
    .where(and(eq(smsMessages.phone, phone), eq(smsMessages.purpose, 'verification')))
    .orderBy(asc(smsMessages.createdAt));
}

async function textsOf(phone: string, direction: 'in' | 'out') {
  return database.db
    .select()
    .from(smsMessages)
    .where(and(eq(smsMessages.phone, phone), eq(smsMessages.direction, direction)))
    .orderBy(asc(smsMessages.createdAt));
}

describe('a number that texts STOP and START all day', () => {
  it('leaves twenty entries in the ledger of opt-outs, keeps every text, and is stopped in the end', async () => {
    const phone = newPhone();
    const holder = await giveHolder(phone);
    for (let times = 0; times < 40; times += 1) {
      await receive(phone, times % 2 === 0 ? 'STOP' : 'START', after(noon, times * 60));
    }
    const entries = await optOuts(phone);
    expect(entries).toHaveLength(21);
    expect(entries.at(-1)).toMatchObject({ act: 'opted_out', at: after(noon, 20 * 60) });
    expect(await textsOf(phone, 'in')).toHaveLength(40);
    expect((await readNumber(database.db, phone))?.suppressedAt).toEqual(after(noon, 20 * 60));
    expect(await standing(holder.userId, phone)).toEqual([]);
    const late = await receive(phone, 'START', after(noon, 41 * 60));
    expect(late).toMatchObject({ meaning: 'start', reply: null });
    // A day after the first of them START counts again, and what the STOP withdrew holds again.
    await receive(phone, 'START', after(noon, day + 61));
    expect((await readNumber(database.db, phone))?.suppressedAt).toBeNull();
    expect(await standing(holder.userId, phone)).not.toEqual([]);
  });

  it('of STOPs alone leaves twenty entries, and one that follows a START is never left out', async () => {
    const phone = newPhone();
    for (let times = 0; times < 25; times += 1) await receive(phone, 'START', after(noon, times));
    expect(await optOuts(phone)).toHaveLength(20);
    for (let times = 0; times < 25; times += 1) await receive(phone, 'STOP', after(noon, 100 + times));
    const entries = await optOuts(phone);
    expect(entries).toHaveLength(21);
    expect(entries.at(-1)).toMatchObject({ act: 'opted_out', at: after(noon, 100), words: 'STOP' });
    expect((await readNumber(database.db, phone))?.suppressedBy).toBe('sms_stop');
  });
});

describe('STOP', () => {
  it.each([
    'STOP',
    'stop.',
    'Stopall',
    'please stop texting me',
    'no more',
    'ya no me manden mensajes',
    'REVOKE',
  ])('"%s" ends all consent to the number in the ledger and withdraws what waits', async (words) => {
    const phone = newPhone();
    const holder = await giveHolder(phone);
    const other = await givePerson(database.db, { active: true, phone });
    await agree(other.userId, phone, ['updates']);
    const waiting = await askForUpdate(database.db, holder, { now: noon, sendAfter: after(noon, day) });
    const { meaning } = await receive(phone, words, after(noon, 1));
    expect(meaning).toBe('stop');
    expect(await standing(holder.userId, phone)).toEqual([]);
    expect(await standing(other.userId, phone)).toEqual([]);
    expect((await ledger(phone)).filter((row) => row.medium === 'sms_stop')).toHaveLength(3);
    expect(await readText(database.db, waiting)).toMatchObject({ status: 'canceled', reason: 'stopped' });
    expect((await readNumber(database.db, phone))?.suppressedBy).toBe('sms_stop');
  });

  it('takes as many statements for two thousand accounts as for one', async () => {
    const several = newPhone();
    await database.pool.query(
      `with agreed as (
        insert into users (id, email, email_key, name, password_hash, phone, created_at, activated_at, password_changed_at)
        select gen_random_uuid(), n || $1, n || $1, '', '-', $1, $2, $2, $2 from generate_series(1, 2000) n
        returning id
      )
      insert into sms_consents (at, user_id, phone, scope, action, medium, wording_version, wording, sender)
      select $2::timestamptz, id, $1, scope, 'granted', 'registration', '1', '-', 'Doorstep'
      from agreed, unnest(array['verification', 'updates']) scope`,
      [several, noon],
    );
    const one = await giveHolder(newPhone());
    const count = async (phone: string) =>
      (await recordStatements(database.pool, () => receive(phone, 'STOP', after(noon, 1)))).length;
    const startedMs = performance.now();
    const statements = await count(several);
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    // One of them makes the row of a number that was never heard of, and one tells that most accounts are left to the chores.
    expect(statements).toBeLessThanOrEqual(15);
    expect(await count(one.phone)).toBeLessThanOrEqual(statements);
    await keepHouse(database.db, after(noon, 1));
    const withdrawn = (await ledger(several)).filter((row) => row.action === 'withdrawn');
    expect(withdrawn).toHaveLength(4000);
    expect(new Set(withdrawn.map((row) => `${row.userId} ${row.scope}`)).size).toBe(4000);
    // What is withdrawn already is not withdrawn again.
    await receive(several, 'STOP', after(noon, 2));
    await keepHouse(database.db, after(noon, 2));
    expect(await ledger(several)).toHaveLength(8000);
  });

  it('is in the ledger of opt-outs each time, with its words and where it came, also of someone without an account', async () => {
    const phone = newPhone();
    const texts = ['Stop it now', 'STOP', 'please', 'START'].map((words) => makeText(phone, words));
    for (const [second, text] of texts.entries()) {
      await receiveText(database.db, text, contextAt(after(noon, second)));
      await receiveText(database.db, text, contextAt(after(noon, 60)));
    }
    const kept = {
      channel: 'text',
      recordedBy: 'inbound_webhook',
      covers: both,
      userId: null,
      recordedAt: null,
    };
    const [first, second, , last] = texts;
    expect(await optOuts(phone)).toMatchObject([
      { ...kept, act: 'opted_out', at: noon, words: 'Stop it now', providerSid: first!.sid },
      { ...kept, act: 'opted_out', at: after(noon, 1), words: 'STOP', providerSid: second!.sid },
      { ...kept, act: 'lifted', at: after(noon, 3), sender: developmentSender, providerSid: last!.sid },
    ]);
  });

  it('is obeyed wherever it arrives; other texts to a number that is not ours are not for us', async () => {
    const phone = newPhone();
    const holder = await giveHolder(phone);
    const elsewhere = makeText(phone, 'hello', { to: '+15559999999' });
    expect(await receiveText(database.db, elsewhere, contextAt(noon))).toEqual({
      ok: false,
      reason: 'not_to_us',
    });
    expect(await textsOf(phone, 'in')).toHaveLength(0);
    await receive(phone, 'STOP', noon, { to: '+15559999999' });
    expect(await standing(holder.userId, phone)).toEqual([]);
  });

  it('is what OptOutType says and what the words say, whichever asks for fewer texts', async () => {
    const [custom, contrary] = [newPhone(), newPhone()];
    expect((await receive(custom, 'LEAVE', noon, { optOutType: 'STOP' })).meaning).toBe('stop');
    expect((await receive(contrary, 'please stop', noon, { optOutType: 'HELP' })).meaning).toBe('stop');
  });

  it('is confirmed once, by us only where the carrier does not answer', async () => {
    const [plain, keyword, advanced] = [newPhone(), newPhone(), newPhone()];
    expect((await receive(plain, 'stop texting me')).reply?.body).toMatch(/opted out.*START/);
    expect((await receive(plain, 'i said stop texting me')).reply).toBeNull();
    expect((await receive(keyword, 'Unsubscribe')).reply).toBeNull();
    expect((await receive(keyword, 'stop texting me')).reply).toBeNull();
    expect((await receive(advanced, 'LEAVE', noon, { optOutType: 'STOP' })).reply).toBeNull();
  });

  it('leaves a code that has arrived already worth entering', async () => {
    const phone = newPhone();
    const prover = await pending(phone);
    await receive(phone, 'STOP', after(noon, 5));
    const checked = await checkCode(database.db, prover, prover.code, contextAt(after(noon, 10)));
    expect(checked.ok).toBe(true);
  });

  it('beside texts being asked for at the same instant leaves none that may still go out', async () => {
    const phone = newPhone();
    const holder = await giveHolder(phone);
    const env = makeEnv(database.url);
    const now = new Date('2026-11-20T20:00:00Z');
    await releaseTogether<unknown>(
      database.pool,
      `select 1 from phone_numbers where number = '${phone}' for update`,
      1,
      [
        () => receive(phone, 'stop it', now),
        ...Array.from({ length: 6 }, () => () => askForUpdate(database.db, holder, { now })),
      ],
    );
    for (const text of await textsOf(phone, 'out')) {
      if (text.purpose === 'reply' || text.status === 'canceled') continue;
      expect(await askPolicy(database.db, text, { now, env })).toMatchObject({
        answer: 'refuse',
        reason: 'stopped',
      });
    }
    expect(await textsOf(phone, 'out')).toHaveLength(7);
  });
});

describe('START', () => {
  it('brings texts back where the same proof holds, with the wording agreed to before and no new consent', async () => {
    const phone = newPhone();
    const holder = await giveHolder(phone);
    await receive(phone, 'STOP', after(noon, day));
    await receive(phone, 'START', after(noon, 91 * day));
    expect(await standing(holder.userId, phone)).toEqual(['updates', 'verification']);
    const rows = await database.db.select().from(smsConsents).where(eq(smsConsents.phone, phone));
    const granted = rows.find((row) => row.action === 'granted')!;
    const resumed = rows.filter((row) => row.action === 'resumed');
    expect(rows.filter((row) => row.action === 'granted')).toHaveLength(2);
    expect(resumed).toHaveLength(2);
    for (const row of resumed) {
      expect(row).toMatchObject({
        medium: 'sms_start',
        wordingVersion: granted.wordingVersion,
        wording: granted.wording,
      });
    }
    expect((await readNumber(database.db, phone))?.suppressedAt).toBeNull();
  });

  it('lifts only the block when the STOP is older than 90 days', async () => {
    const phone = newPhone();
    const holder = await giveHolder(phone);
    await receive(phone, 'STOP', after(noon, day));
    await receive(phone, 'START', after(noon, 91 * day + 1));
    expect(await standing(holder.userId, phone)).toEqual([]);
    expect((await readNumber(database.db, phone))?.suppressedAt).toBeNull();
  });

  it('lifts only the block when the number was proven again since, by whomever', async () => {
    const phone = newPhone();
    const before = await giveHolder(phone);
    await receive(phone, 'STOP', after(noon, 10));
    const next = await givePerson(database.db, { active: true, phone, enabled: true });
    for (const userId of [next.userId, before.userId]) {
      await database.db
        .update(phoneNumbers)
        .set({ holderUserId: userId, heldSince: after(noon, 20) })
        .where(eq(phoneNumbers.number, phone));
      await receive(phone, 'START', after(noon, 30));
      expect(await standing(before.userId, phone)).toEqual([]);
      expect(await standing(next.userId, phone)).toEqual([]);
      await receive(phone, 'STOP', after(noon, 40));
    }
  });

  it('creates no consent where there was none, and undoes no "off"', async () => {
    const [never, off, withdrawn] = [newPhone(), newPhone(), newPhone()];
    const stranger = await givePerson(database.db, { active: true, phone: never });
    await receive(never, 'STOP');
    await receive(never, 'START');
    expect(await standing(stranger.userId, never)).toEqual([]);

    const switchedOff = await giveHolder(off, { enabled: false });
    await receive(off, 'STOP', after(noon, 1));
    await receive(off, 'START', after(noon, 2));
    expect(await standing(switchedOff.userId, off)).toEqual(['verification']);

    const earlier = await giveHolder(withdrawn);
    await database.db.transaction((tx) =>
      withdrawConsent(
        tx,
        { userId: earlier.userId, phone: withdrawn, scopes: ['updates'], medium: 'preferences' },
        after(noon, 1),
      ),
    );
    await receive(withdrawn, 'STOP', after(noon, 2));
    await receive(withdrawn, 'START', after(noon, 3));
    expect(await standing(earlier.userId, withdrawn)).toEqual(['verification']);
  });

  it('without a STOP before it changes nothing', async () => {
    const phone = newPhone();
    const holder = await giveHolder(phone);
    await receive(phone, 'START');
    expect(await standing(holder.userId, phone)).toEqual(['updates', 'verification']);
    expect(await codesSentTo(phone)).toHaveLength(0);
    expect((await ledger(phone)).every((row) => row.action === 'granted')).toBe(true);
  });

  it('sends the code that someone pending waits for, and the code page goes on by itself', async () => {
    const phone = newPhone();
    const prover = await pending(phone);
    await receive(phone, 'STOP', after(noon, 2));
    const stopped = await readVerificationState(database.db, prover, after(noon, 3));
    expect(stopped.text.status).toBe('stopped');
    await receive(phone, 'START', after(noon, 600));
    const resumed = await readVerificationState(database.db, prover, after(noon, 600));
    expect(resumed).toMatchObject({ text: { status: 'queued' }, challenge: { purpose: 'activate' } });
    const [, text] = await codesSentTo(phone);
    const env = makeEnv(database.url);
    expect(await askPolicy(database.db, text!, { now: after(noon, 600), env })).toMatchObject({
      answer: 'send',
    });
    const code = await readCode(database.db, prover.userId);
    const checked = await checkCode(database.db, prover, code, contextAt(after(noon, 610)));
    expect(checked.ok).toBe(true);
  });

  it('sends it at the next allowed moment when the last was asked for just before', async () => {
    const phone = newPhone();
    await pending(phone);
    await receive(phone, 'STOP', after(noon, 2));
    await receive(phone, 'START', after(noon, 4));
    const [first, second] = await codesSentTo(phone);
    expect(first).toMatchObject({ status: 'canceled' });
    expect(second).toMatchObject({ status: 'queued', sendAfter: after(noon, 30) });
  });

  it('sends a first code to someone who registered while the number was stopped', async () => {
    const phone = newPhone();
    await receive(phone, 'STOP');
    await expect(pending(phone, after(noon, 10))).rejects.toThrow('stopped');
    const [asker] = await database.db.transaction((tx) => findAskers(tx, phone, noon));
    await agree(asker!, phone, ['verification'], after(noon, 10));
    await receive(phone, 'START', after(noon, 20));
    expect(await codesSentTo(phone)).toMatchObject([{ status: 'queued', userId: asker }]);
  });

  it('sends none to those who asked more than a day ago, went on without, or have proven the number', async () => {
    const [late, skipped, proven] = [newPhone(), newPhone(), newPhone()];
    await pending(late);
    await receive(late, 'STOP', after(noon, 60));
    await receive(late, 'START', after(noon, day + 1));
    expect(await codesSentTo(late)).toHaveLength(1);

    const without = await pending(skipped);
    await receive(skipped, 'STOP', after(noon, 60));
    expect((await skipVerification(database.db, without, contextAt(after(noon, 90)))).ok).toBe(true);
    await receive(skipped, 'START', after(noon, 120));
    expect(await codesSentTo(skipped)).toHaveLength(1);

    const holder = await pending(proven);
    await checkCode(database.db, holder, holder.code, contextAt(after(noon, 30)));
    await receive(proven, 'STOP', after(noon, 60));
    await receive(proven, 'START', after(noon, 90));
    expect(await codesSentTo(proven)).toHaveLength(1);
  });

  it('keeps to the limits of the number', async () => {
    const phone = newPhone();
    await pending(phone);
    for (const round of [1, 2, 3, 4]) {
      await database.db.update(smsMessages).set({ status: 'sent' }).where(eq(smsMessages.phone, phone));
      await receive(phone, 'STOP', after(noon, round * 60));
      await receive(phone, 'START', after(noon, round * 60 + 31));
    }
    expect(await codesSentTo(phone)).toHaveLength(3);
  });
});

describe('every inbound text', () => {
  it('is recorded once and answered the same however often and how parallel it is handed over', async () => {
    const phone = newPhone();
    const text = makeText(phone, 'can you help me?');
    const answers = await releaseTogether(
      database.pool,
      `insert into phone_numbers (number) values ('${phone}')`,
      5,
      Array.from({ length: 5 }, () => () => receiveText(database.db, text, contextAt(noon))),
    );
    const again = await receiveText(database.db, text, contextAt(after(noon, 900)));
    const replies = [...answers.map((each) => (each.status === 'fulfilled' ? each.value : null)), again].map(
      (answer) => (answer?.ok ? answer.reply : null),
    );
    expect(replies[0]?.body).toMatch(/Help: .*STOP/);
    expect(new Set(replies.map((reply) => reply?.id)).size).toBe(1);
    expect(new Set(replies.map((reply) => reply?.body)).size).toBe(1);
    expect(await textsOf(phone, 'in')).toHaveLength(1);
    expect(await textsOf(phone, 'out')).toHaveLength(1);
  });

  it('is kept with whose it is; a reply is recorded as sent, beside the limits', async () => {
    const phone = newPhone();
    const holder = await giveHolder(phone);
    await receive(phone, 'Where do I upload my letter?');
    const { reply } = await receive(phone, 'I need help', after(noon, 5));
    expect(await textsOf(phone, 'in')).toMatchObject([
      { userId: holder.userId, purpose: 'inbound', status: 'received', body: 'Where do I upload my letter?' },
      { purpose: 'inbound', params: { meaning: 'help' } },
    ]);
    expect(await textsOf(phone, 'out')).toMatchObject([
      {
        id: reply!.id,
        purpose: 'reply',
        status: 'sent',
        segments: countSegments(reply!.body),
      },
    ]);
    expect((await readNumber(database.db, phone))?.proveSends).toEqual([]);
  });

  it('costs what its answer costs: reserved in the sum for everyone and that of such answers, and settled by what the provider reports', async () => {
    const phone = newPhone();
    const holder = await giveHolder(phone);
    const person = spendMark(env().authSecrets[0], 'person', holder.userId);
    const sums = async () => [
      await sumSpend(database.db, 'all', after(noon, 60)),
      await sumSpend(database.db, person, after(noon, 60)),
    ];
    const [before] = await sums();
    const sid = `SM${newId().replaceAll('-', '')}`;
    const { reply } = await receive(phone, 'I need help', after(noon, 5), { sid });
    await receive(phone, 'I need help', after(noon, 6), { sid });
    const segments = countSegments(reply!.body);
    const micros = BigInt(segments * 7_900);
    expect(await sums()).toEqual([before! + micros, 0n]);
    expect((await textsOf(phone, 'out'))[0]).toMatchObject({
      price: (segments * 0.0079).toFixed(6),
      estimatedPrice: (segments * 0.0079).toFixed(6),
      reservedAt: after(noon, 5),
      spendScopes: ['all', 'holders_replies'],
    });
    const report = {
      messageId: reply!.id,
      sid: `SM${newId().replaceAll('-', '')}`,
      status: 'delivered',
      errorCode: null,
      price: '-0.0249',
      priceUnit: 'USD',
      segments: null,
      to: phone,
      now: after(noon, 10),
    };
    const [held] = await sums();
    expect(await applyStatus(database.db, report)).toMatchObject({ ok: true, changed: true });
    expect(await sums()).toEqual([held! - micros + 24_900n, 0n]);
  });

  it('is confirmed five times a day at most where STOP and START take turns, and obeyed each time', async () => {
    const phone = newPhone();
    const confirmed: boolean[] = [];
    for (let times = 0; times < 8; times += 1) {
      confirmed.push((await receive(phone, 'stop it', after(noon, times * 10))).reply !== null);
      expect((await readNumber(database.db, phone))?.suppressedBy).toBe('sms_stop');
      await receive(phone, 'START', after(noon, times * 10 + 5));
    }
    expect(confirmed).toEqual([true, true, true, true, true, false, false, false]);
    expect((await receive(phone, 'stop it', after(noon, day + 15))).reply).not.toBeNull();
  });

  it('is answered at most five times a day per number, and kept and obeyed beyond that', async () => {
    const phone = newPhone();
    const holder = await giveHolder(phone);
    const asked = await releaseTogether(
      database.pool,
      `select 1 from phone_numbers where number = '${phone}' for update`,
      11,
      Array.from({ length: 11 }, () => () => receive(phone, 'I am driving. Who is this?')),
    );
    const replies = asked.map((each) => each.status === 'fulfilled' && each.value.reply);
    expect(replies.filter(Boolean)).toHaveLength(5);
    expect(await textsOf(phone, 'in')).toHaveLength(11);
    expect((await receive(newPhone(), 'who is this?')).reply).not.toBeNull();

    expect((await receive(phone, 'please stop texting me', after(noon, 10))).reply?.body).toMatch(
      /opted out/,
    );
    expect(await standing(holder.userId, phone)).toEqual([]);
    expect((await receive(phone, 'start again', after(noon, 20))).reply).toBeNull();
    expect(await standing(holder.userId, phone)).toEqual(['updates', 'verification']);
    expect((await receive(phone, 'no more texts', after(noon, 30))).reply?.body).toMatch(/opted out/);

    expect((await receive(phone, 'who is this?', after(noon, day - 1))).reply).toBeNull();
    expect((await receive(phone, 'who is this?', after(noon, day))).reply?.body).toMatch(/Help/);
  });

  it('never keeps a code that can still be right', async () => {
    const phone = newPhone();
    const { code } = await pending(phone);
    await receive(
      phone,
      `it is ${code.slice(0, 3)} ${code.slice(3)}, or ${code}? ref 12345678`,
      after(noon, 5),
    );
    const [kept] = await textsOf(phone, 'in');
    expect(kept!.body).toBe('it is ••••••, or ••••••? ref 12345678');
    await receive(phone, `${code}. Stop texting me`, after(noon, 6));
    expect(await optOuts(phone)).toMatchObject([{ words: '••••••. Stop texting me' }]);
  });

  it('may hold any character and come from a short code, but not from what is no number', async () => {
    const answer = await receiveText(database.db, makeText('72975', 'a\0b\u{1F6AA}'), contextAt(noon));
    expect(answer).toMatchObject({ ok: true, meaning: 'other', reply: null });
    expect(await textsOf('72975', 'in')).toMatchObject([{ body: 'ab\u{1F6AA}' }]);
    for (const from of ['', 'DOORSTEP', 'whatsapp:+15550100001', '+0123']) {
      expect(await receiveText(database.db, makeText(from, 'STOP'), contextAt(noon))).toEqual({
        ok: false,
        reason: 'no_number',
      });
    }
  });
});
