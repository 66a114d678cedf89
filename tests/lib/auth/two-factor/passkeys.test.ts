import { setTimeout as delay } from 'node:timers/promises';
import { eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { auditLog, users, type Role } from '@/db/schema/accounts';
import { spentPasskeyChallenges } from '@/db/schema/two-factor';
import { redeemLoginGrant } from '@/lib/accounts/sessions';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { dropPasskey, enrollPasskey } from '@/lib/auth/two-factor/enrollment';
import { pruneSpentChallenges } from '@/lib/auth/two-factor/passkey-challenge';
import {
  checkPasskey,
  listPasskeys,
  passkeyCreationOptions,
  passkeyRequestOptions,
} from '@/lib/auth/two-factor/passkeys';
import { giveSecondFactor, signInByPasskey } from '@/lib/auth/two-factor/second-factor';
import { stepUpByFactor } from '@/lib/auth/two-factor/step-up';
import { makePasskey, usePasskey, type Quirks, type SoftPasskey } from '@/tests/support/authenticator';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, noon } from '@/tests/support/people';
import {
  giveSettledPerson,
  password,
  readSessionOf,
  type SettledPerson,
} from '@/tests/support/settled-person';

const database = useDatabase();

const later = after(noon, 300);

/** Adds a passkey in a session, as the page does. */
async function addPasskeyTo(person: SettledPerson, quirks: Quirks = {}, now = noon) {
  const user = await readSessionOf(database.db, person, now);
  const { passkey, answer } = makePasskey(await passkeyCreationOptions(database.db, user, now), quirks);
  const added = await enrollPasskey(database.db, user, { answer, name: 'Phone' }, contextAt(now));
  return { passkey, answer, added };
}

/** Someone with a passkey. */
async function giveOwner(role: Role = 'broker', quirks: Quirks = {}) {
  const person = await giveSettledPerson(database.db, { role, phone: null });
  const { passkey, added } = await addPasskeyTo(person, quirks);
  if (!added.ok) throw new Error(JSON.stringify(added));
  return { person, passkey };
}

const enter = (answer: string, now = later) =>
  signInByPasskey(database.db, { answer, knownBrowser: null }, contextAt(now));

/** Signs in by a passkey alone, with a challenge of `asked`. */
async function enterBy(passkey: SoftPasskey, quirks: Quirks = {}, { asked = later, now = later } = {}) {
  return enter(usePasskey(passkey, await passkeyRequestOptions(null, asked), quirks), now);
}

const refused = { ok: false, reason: 'passkey_refused' };

/** Does the first step, and the second by a passkey, to a challenge for `challengedId`. */
async function giveBothSteps(
  { userId, email }: SettledPerson,
  passkey: SoftPasskey,
  challengedId: string | null = userId,
) {
  const signedIn = await signIn(database.db, { email, password }, contextAt(later));
  if (!signedIn.ok || signedIn.next !== 'second_factor') throw new Error(JSON.stringify(signedIn));
  const answer = usePasskey(passkey, await passkeyRequestOptions(challengedId, later));
  return giveSecondFactor(
    database.db,
    {
      token: signedIn.pendingToken,
      given: { kind: 'passkey', answer },
      trust: false,
      knownBrowser: null,
    },
    contextAt(later),
  );
}

describe('a passkey', () => {
  test('is added by what the browser has made, and is then in the list', async () => {
    const { person, passkey } = await giveOwner();
    expect(await listPasskeys(database.db, person.userId)).toMatchObject([
      { credentialId: passkey.id, name: 'Phone', transports: ['internal', 'hybrid'], lastUsedAt: null },
    ]);
    const options = await passkeyCreationOptions(database.db, person, later);
    expect(options.excludeCredentials).toMatchObject([{ id: passkey.id }]);
    expect(options.authenticatorSelection).toMatchObject({
      residentKey: 'required',
      userVerification: 'required',
    });
  });

  test.each(['applicant', 'broker', 'staff', 'admin'] as const)(
    'signs its person in by itself, and counts as both steps: %s',
    async (role) => {
      const { person, passkey } = await giveOwner(role);
      const entered = await enterBy(passkey);
      if (!entered.ok) throw new Error(entered.reason);
      const session = (await redeemLoginGrant(database.db, entered.grant, contextAt(later)))!;
      expect(await readSessionOf(database.db, session, later)).toMatchObject({
        userId: person.userId,
        standing: 'open',
        secondFactorAt: later,
      });
      expect(await listPasskeys(database.db, person.userId)).toMatchObject([{ lastUsedAt: later }]);
    },
  );

  test('that is taken off while its answer is checked signs nobody in', async () => {
    const { person, passkey } = await giveOwner();
    const other = await database.pool.connect();
    await other.query('begin');
    await other.query('select 1 from users where id = $1 for update', [person.userId]);
    const entering = enterBy(passkey);
    await delay(500);
    await other.query('delete from passkeys where user_id = $1', [person.userId]);
    await other.query('commit');
    other.release();
    expect(await entering).toEqual(refused);
  });

  test('is the second step after the password, and confirms a session', async () => {
    const { person, passkey } = await giveOwner();
    expect(await giveBothSteps(person, passkey)).toMatchObject({ ok: true });
    const user = await readSessionOf(database.db, person, later);
    const answer = usePasskey(passkey, await passkeyRequestOptions(person.userId, later));
    const given = { kind: 'passkey', answer } as const;
    expect(await stepUpByFactor(database.db, user, given, contextAt(later))).toEqual({ ok: true });
    expect(await readSessionOf(database.db, person, later)).toMatchObject({ secondFactorAt: later });
  });

  test('of another account is none at the second step, and a refusal is in the activity', async () => {
    const [{ person }, other] = [await giveOwner(), await giveOwner()];
    expect(await giveBothSteps(person, other.passkey)).toEqual(refused);
    expect(await giveBothSteps(person, other.passkey, other.person.userId)).toEqual(refused);
    const rows = await database.db.select().from(auditLog).where(eq(auditLog.userId, person.userId));
    expect(rows.filter(({ action }) => action === 'second_factor_refused')).toHaveLength(2);
  });

  test('that was removed signs nobody in, at once', async () => {
    const { person, passkey } = await giveOwner();
    const answer = usePasskey(passkey, await passkeyRequestOptions(null, later));
    const { id } = (await listPasskeys(database.db, person.userId))[0]!;
    const user = await readSessionOf(database.db, person, later);
    expect(await dropPasskey(database.db, user, id, contextAt(later))).toEqual({ ok: true });
    expect(await enter(answer)).toEqual(refused);
  });

  test('of a closed account says so, and signs nobody in', async () => {
    const { person, passkey } = await giveOwner();
    await database.db.update(users).set({ deactivatedAt: noon }).where(eq(users.id, person.userId));
    expect(await enterBy(passkey)).toEqual({ ok: false, reason: 'deactivated' });
  });

  test('is removed by nobody else', async () => {
    const [{ person }, other] = [await giveOwner(), await giveOwner()];
    const { id } = (await listPasskeys(database.db, person.userId))[0]!;
    const user = await readSessionOf(database.db, other.person, later);
    expect(await dropPasskey(database.db, user, id, contextAt(later))).toMatchObject({ why: 'gone' });
    expect(await dropPasskey(database.db, user, "' or 1=1", contextAt(later))).toMatchObject({ why: 'gone' });
    expect(await listPasskeys(database.db, person.userId)).toHaveLength(1);
  });

  test('is one of ten at most', async () => {
    const { person } = await giveOwner();
    for (let count = 1; count < 10; count += 1) {
      expect((await addPasskeyTo(person)).added).toEqual({ ok: true });
    }
    expect((await addPasskeyTo(person)).added).toMatchObject({ why: 'too_many' });
    expect(await listPasskeys(database.db, person.userId)).toHaveLength(10);
  });
});

test('a passkey is kept whatever the browser says of how to reach it', async () => {
  const person = await giveSettledPerson(database.db, { role: 'broker', phone: null });
  const user = await readSessionOf(database.db, person, noon);
  for (const transports of [['\u0000'], [7], 'usb', null, Array(99).fill('usb'), ['x'.repeat(99)]]) {
    const { answer } = makePasskey(await passkeyCreationOptions(database.db, user, noon));
    const made = JSON.parse(answer) as { response: object };
    const odd = JSON.stringify({ ...made, response: { ...made.response, transports } });
    const added = await enrollPasskey(database.db, user, { answer: odd, name: 'Odd' }, contextAt(noon));
    expect(added).toEqual({ ok: true });
  }
  const kept = await listPasskeys(database.db, person.userId);
  expect(kept.map(({ transports }) => transports)).toEqual(Array(6).fill([]));
});

describe('an answer that makes a passkey is refused', () => {
  const no = { ok: false, reason: 'refused', why: 'passkey_refused' };

  test.each([
    ['from another site', { origin: 'https://evil.example' }],
    ['from another port', { origin: 'http://localhost:1' }],
    ['for another site', { rpId: 'evil.example' }],
    ['without a PIN or a finger', { verifiesUser: false }],
  ])('%s', async (_case, quirks) => {
    const person = await giveSettledPerson(database.db, { role: 'broker', phone: null });
    expect((await addPasskeyTo(person, quirks)).added).toEqual(no);
  });

  test('when it is sent a second time, by the same person or another', async () => {
    const [person, other] = [
      await giveSettledPerson(database.db, { role: 'broker', phone: null }),
      await giveSettledPerson(database.db, { role: 'broker', phone: null }),
    ];
    const { answer } = await addPasskeyTo(person);
    for (const each of [person, other]) {
      const user = await readSessionOf(database.db, each, noon);
      const again = await enrollPasskey(database.db, user, { answer, name: 'Again' }, contextAt(noon));
      expect(again).toEqual(no);
    }
  });

  test('when its challenge is of another person, too old, or for using a passkey', async () => {
    const [person, other] = [
      await giveSettledPerson(database.db, { role: 'broker', phone: null }),
      await giveSettledPerson(database.db, { role: 'broker', phone: null }),
    ];
    const user = await readSessionOf(database.db, person, noon);
    const own = await passkeyCreationOptions(database.db, user, noon);
    const challenges = [
      (await passkeyCreationOptions(database.db, other, noon)).challenge,
      (await passkeyCreationOptions(database.db, user, after(noon, -601))).challenge,
      (await passkeyCreationOptions(database.db, user, after(noon, 61))).challenge,
      (await passkeyRequestOptions(person.userId, noon)).challenge,
      (await passkeyRequestOptions(null, noon)).challenge,
      Buffer.alloc(38).toString('base64url'),
    ];
    for (const challenge of challenges) {
      const { answer } = makePasskey({ ...own, challenge });
      const added = await enrollPasskey(database.db, user, { answer, name: 'Phone' }, contextAt(noon));
      expect(added).toEqual(no);
    }
    const { answer } = makePasskey(own);
    expect(await enrollPasskey(database.db, user, { answer, name: 'Phone' }, contextAt(noon))).toEqual({
      ok: true,
    });
  });
});

describe('an answer that uses a passkey is refused', () => {
  test.each([
    ['from another site', { origin: 'https://evil.example' }],
    ['from another port', { origin: 'http://localhost:1' }],
    ['for another site', { rpId: 'evil.example' }],
    ['without a PIN or a finger', { verifiesUser: false }],
    ['that says it is of someone else', { userHandle: Buffer.alloc(16, 7).toString('base64url') }],
  ])('%s', async (_case, quirks) => {
    const { passkey } = await giveOwner();
    expect(await enterBy(passkey, quirks)).toEqual(refused);
    expect(await enterBy(passkey)).toMatchObject({ ok: true });
  });

  test('the second time, also at the same instant', async () => {
    const { passkey } = await giveOwner();
    const answer = usePasskey(passkey, await passkeyRequestOptions(null, later));
    const answers = await Promise.all(Array.from({ length: 8 }, () => enter(answer)));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    expect(await enter(answer)).toEqual(refused);
  });

  test('the second time for as long as its challenge is young enough, whatever was pruned', async () => {
    const { passkey } = await giveOwner();
    const options = await passkeyRequestOptions(null, later);
    const answer = usePasskey(passkey, options);
    expect(await enter(answer)).toMatchObject({ ok: true });
    await pruneSpentChallenges(database.db, after(later, 599), 1000);
    expect(await enter(answer, after(later, 599))).toEqual(refused);
    await pruneSpentChallenges(database.db, after(later, 3600), 1000);
    expect(await database.db.select().from(spentPasskeyChallenges)).toEqual([]);
    expect(await enter(answer, after(later, 3600))).toEqual(refused);
  });

  test('when its challenge is too old, of the future, of a person, or of nobody', async () => {
    const { person, passkey } = await giveOwner();
    expect(await enterBy(passkey, {}, { asked: after(later, -601) })).toEqual(refused);
    expect(await enterBy(passkey, {}, { asked: after(later, 61) })).toEqual(refused);
    const ofPerson = usePasskey(passkey, await passkeyRequestOptions(person.userId, later));
    expect(await enter(ofPerson)).toEqual(refused);
    const options = await passkeyRequestOptions(null, later);
    for (const challenge of ['', 'x', Buffer.alloc(38).toString('base64url')]) {
      expect(await enter(usePasskey(passkey, { ...options, challenge }))).toEqual(refused);
    }
    expect(await giveBothSteps(person, passkey, null)).toEqual(refused);
    expect(await enterBy(passkey, {}, { asked: after(later, -599) })).toMatchObject({ ok: true });
  });

  test('when its counter goes back or stands still, as that of a copy does', async () => {
    const { passkey } = await giveOwner('broker', { counter: 4 });
    expect(await enterBy(passkey, { counter: 6 })).toMatchObject({ ok: true });
    expect(await enterBy(passkey, { counter: 6 })).toEqual(refused);
    expect(await enterBy(passkey, { counter: 5 })).toEqual(refused);
    expect(await enterBy(passkey, { counter: 0 })).toEqual(refused);
    expect(await enterBy(passkey, { counter: 7 })).toMatchObject({ ok: true });
  });

  test('when another key has signed it', async () => {
    const [{ passkey }, other] = [await giveOwner(), await giveOwner()];
    expect(await enterBy({ ...passkey, privateKey: other.passkey.privateKey })).toEqual(refused);
  });

  test('when it is anything but an answer', async () => {
    const { person, passkey } = await giveOwner();
    const real = JSON.parse(usePasskey(passkey, await passkeyRequestOptions(null, later))) as {
      response: object;
    };
    const spoilt = (changes: object) => JSON.stringify({ ...real, ...changes });
    const within = (changes: object) => spoilt({ response: { ...real.response, ...changes } });
    const garbage = [
      ...[
        '',
        ' ',
        'null',
        '[]',
        '{}',
        '0',
        '"x"',
        'true',
        '{"id":1}',
        'not json',
        '\u0000',
        '{'.repeat(5000),
      ],
      ...[
        spoilt({ id: 'x' }),
        spoilt({ id: '\u0000' }),
        spoilt({ rawId: 'x' }),
        spoilt({ type: 'password' }),
      ],
      ...[
        spoilt({ response: null }),
        spoilt({ response: {} }),
        spoilt({ response: [] }),
        spoilt({ id: null }),
      ],
      ...[within({ clientDataJSON: '' }), within({ clientDataJSON: 'AAAA' }), within({ clientDataJSON: 7 })],
      ...[within({ authenticatorData: '' }), within({ authenticatorData: 'AAAA' })],
      ...[within({ authenticatorData: null }), within({ authenticatorData: {} })],
      ...[within({ signature: '' }), within({ signature: 'AAAA' }), within({ signature: null })],
      ...[
        within({ userHandle: 7 }),
        within({ userHandle: '\u0000' }),
        spoilt({ padding: 'x'.repeat(20_000) }),
      ],
      within({ clientDataJSON: Buffer.from('null').toString('base64url') }),
      within({ clientDataJSON: Buffer.from('{"challenge":{}}').toString('base64url') }),
    ];
    const user = await readSessionOf(database.db, person, noon);
    for (const answer of garbage) {
      expect(
        await checkPasskey(database.db, { answer, userId: null }, later),
        answer.slice(0, 80),
      ).toBeNull();
      const added = await enrollPasskey(database.db, user, { answer, name: 'Phone' }, contextAt(noon));
      expect(added, answer.slice(0, 80)).toMatchObject({ why: 'passkey_refused' });
    }
    expect(await enter(JSON.stringify(real))).toMatchObject({ ok: true });
  });
});
