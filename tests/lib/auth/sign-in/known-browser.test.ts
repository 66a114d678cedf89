import { eq } from 'drizzle-orm';
import { describe, expect, test, vi } from 'vitest';
import { rateLimits, users } from '@/db/schema/accounts';
import { findUser } from '@/lib/accounts/users';
import { changePassword } from '@/lib/auth/settings/change-password';
import { deleteAccount } from '@/lib/auth/ending/delete-account';
import {
  addMark,
  findIssuedTag,
  findMark,
  issueMark,
  knownBrowserMaxAgeSeconds,
} from '@/lib/auth/sign-in/known-browser';
import { register } from '@/lib/auth/registration/register';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { newId } from '@/lib/random';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, newEmail, newPhone, noon } from '@/tests/support/people';
import { giveSettledPerson, markOf, password } from '@/tests/support/settled-person';
import { spendSharedTries } from '@/tests/support/strangers';

// Passwords are slow on purpose, and slower still on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

const database = useDatabase();
const wrong = 'not the password';
const days = 24 * 3600;

const newAccount = (name = newId()) => ({
  id: newId(),
  emailKey: `${name}@example.com`,
  passwordChangedAt: noon,
});
type Account = ReturnType<typeof newAccount>;
const find = (
  cookie: string | null,
  account: Account,
  { at = noon, secrets }: { at?: Date; secrets?: string[] } = {},
) => findMark(cookie, { emailKey: account.emailKey, account }, at, secrets);

describe('a mark', () => {
  test('is found by its account alone, for 180 days', () => {
    const account = newAccount();
    const mark = issueMark(account, noon);
    expect(find(mark, account)).toMatch(/^[\w-]{43}$/);
    expect(find(mark, account, { at: after(noon, knownBrowserMaxAgeSeconds) })).not.toBeNull();
    expect(find(mark, account, { at: after(noon, knownBrowserMaxAgeSeconds + 1) })).toBeNull();
    expect(find(mark, newAccount())).toBeNull();
    expect(find(mark, { ...account, id: newId() })).toBeNull();
    expect(find(mark, { ...account, passwordChangedAt: after(noon, 1) })).toBeNull();
    expect(findMark(mark, { emailKey: account.emailKey, account: null }, noon)).toBeNull();
    expect(find(null, account)).toBeNull();
  });

  test('is told from a forged one without the database, of an account or of any, for 180 days', () => {
    const [account, other] = [newAccount(), newAccount()];
    const mark = issueMark(account, noon);
    const [tag, , nonce, signature] = mark.split('.');
    const both = addMark(issueMark(other, noon), mark);
    expect(findIssuedTag(mark, account.emailKey, noon)).toBe(tag);
    expect(findIssuedTag(both, account.emailKey, noon)).toBe(tag);
    expect(findIssuedTag(mark, null, noon)).toBe(tag);
    expect(findIssuedTag(mark, other.emailKey, noon)).toBeNull();
    expect(findIssuedTag(null, null, noon)).toBeNull();
    expect(findIssuedTag('~~', null, noon)).toBeNull();
    expect(findIssuedTag(mark, null, noon, ['another secret of at least 32 bytes'])).toBeNull();
    expect(findIssuedTag(mark, null, after(noon, knownBrowserMaxAgeSeconds + 1))).toBeNull();
    // What it was issued for cannot be changed, and what it was made of opens no other.
    const foreign = issueMark(other, after(noon, days)).split('.');
    for (const forged of [
      [foreign[0], foreign[1], nonce, signature],
      [tag, foreign[1], nonce, signature],
      [tag, foreign[1], foreign[2], signature],
      [tag, mark.split('.')[1], 'A'.repeat(43), signature],
    ]) {
      expect(findIssuedTag(forged.join('.'), null, noon)).toBeNull();
    }
  });

  test('is worth nothing with any one of its characters changed, or with a longer life written into it', () => {
    const account = newAccount();
    const mark = issueMark(account, noon);
    for (let at = 0; at < mark.length; at += 1) {
      const other = mark[at] === 'a' ? 'b' : 'a';
      expect(find(mark.slice(0, at) + other + mark.slice(at + 1), account), `character ${at}`).toBeNull();
    }
    const fields = mark.split('.');
    fields[1] = Math.floor(after(noon, 100 * days).getTime() / 1000).toString(36);
    expect(find(fields.join('.'), account, { at: after(noon, 200 * days) })).toBeNull();
  });

  test('names neither the email nor the account', () => {
    const account = newAccount('someone');
    const mark = issueMark(account, noon);
    expect(mark).not.toContain('someone');
    expect(mark).not.toContain(account.id);
    expect(mark).not.toContain(Buffer.from(account.emailKey).toString('base64url'));
  });

  test('of an older secret counts until that one is taken out of AUTH_SECRET; the first one signs', () => {
    const account = newAccount();
    const [older, newer] = ['an older secret', 'a newer secret'];
    const mark = issueMark(account, noon, [older]);
    expect(find(mark, account, { secrets: [newer, older] })).not.toBeNull();
    expect(find(mark, account, { secrets: [newer] })).toBeNull();
    const renewed = issueMark(account, noon, [newer, older]);
    expect(find(renewed, account, { secrets: [newer] })).not.toBeNull();
    expect(find(renewed, account, { secrets: [older] })).toBeNull();
  });

  test('is new each time, and takes the place of the earlier one of its account', () => {
    const [one, other] = [newAccount(), newAccount()];
    const first = issueMark(one, noon);
    const cookie = addMark(addMark(first, issueMark(other, noon)), issueMark(one, noon));
    expect(cookie.split('~')).toHaveLength(2);
    expect(find(cookie, one)).not.toBe(find(first, one));
    expect(find(cookie, other)).not.toBeNull();
  });

  test('has room beside four others; the sixth account takes the place of the one longest ago', () => {
    const accounts = Array.from({ length: 6 }, () => newAccount());
    let cookie: string | null = null;
    for (const account of accounts) cookie = addMark(cookie, issueMark(account, noon));
    expect(accounts.map((account) => find(cookie, account) !== null)).toEqual([
      false,
      ...Array<boolean>(5).fill(true),
    ]);
    expect(cookie!.length).toBeLessThan(600);
    // What the browser sends is what was set: nothing in it has to be escaped.
    expect(encodeURIComponent(cookie!)).toBe(cookie);
  });

  test.each(['', '~', '~~~', 'a.b.c.d', 'x'.repeat(100_000), '\u0000', '%', '....~....'])(
    'is not found in the junk %j, which gives way to a good one',
    (junk) => {
      const account = newAccount();
      expect(find(junk, account)).toBeNull();
      const mark = issueMark(account, noon);
      expect(addMark(junk, mark)).toBe(mark);
    },
  );
});

/** Someone whose browser is known, and the cookie in it. */
async function giveKnownBrowser() {
  const person = await giveSettledPerson(database.db);
  const { email } = person;
  const knownBrowser = markOf(await signIn(database.db, { email, password }, contextAt(noon)));
  return { person, email, knownBrowser };
}

const later = after(noon, 60);
const attempt = (email: string, knownBrowser: string | null, how: { password?: string; at?: Date } = {}) =>
  signIn(
    database.db,
    { email, password: how.password ?? password, knownBrowser },
    contextAt(how.at ?? later),
  );
const tooMany = { ok: false, reason: 'too_many_passwords' };

describe('strangers who spent all tries of an email', () => {
  test('keep out the browsers that its account does not know, and not the one that it knows', async () => {
    const { email, knownBrowser } = await giveKnownBrowser();
    await spendSharedTries(database.db, email, noon);
    expect(await attempt(email, null)).toMatchObject(tooMany);
    const signedIn = await attempt(email.toUpperCase(), knownBrowser);
    expect(signedIn).toMatchObject({ ok: true, next: 'dashboard' });
    // The mark is renewed, and the new one serves as the old one did.
    expect(await attempt(email, markOf(signedIn))).toMatchObject({ ok: true });
  });

  test('a right password costs a known browser none of its tries', async () => {
    const { email, knownBrowser } = await giveKnownBrowser();
    await spendSharedTries(database.db, email, noon);
    for (let times = 0; times < 6; times += 1) {
      expect(await attempt(email, knownBrowser)).toMatchObject({ ok: true });
    }
  });

  test('gain nothing by a mark that is forged, expired, of another account or of nobody', async () => {
    const { person, email, knownBrowser } = await giveKnownBrowser();
    await spendSharedTries(database.db, email, noon);
    const account = (await findUser(database.db, person.userId))!;
    const stranger = await giveKnownBrowser();
    const swapped = [knownBrowser.split('.')[0], ...stranger.knownBrowser.split('.').slice(1)].join('.');
    for (const [what, cookie] of Object.entries({
      forged: issueMark(account, noon, ['a secret of someone else']),
      expired: issueMark(account, after(later, -knownBrowserMaxAgeSeconds - 1)),
      'of another account': stranger.knownBrowser,
      'of another account, with the tag of this one': swapped,
      'cut short': knownBrowser.slice(0, -1),
    })) {
      expect(await attempt(email, cookie), what).toMatchObject(tooMany);
    }
    const nobody = newEmail();
    await spendSharedTries(database.db, nobody, noon);
    expect(await attempt(nobody, knownBrowser)).toMatchObject(tooMany);
  });

  test('do not stop the browser in which an account was just registered, verified yet or not', async () => {
    for (const verify of [false, true]) {
      const email = newEmail();
      const registered = await register(
        database.db,
        {
          email,
          name: 'Test Person',
          password,
          phone: verify ? newPhone() : null,
          smsOptIn: false,
          verifyPhone: verify,
          tcpaConsent: verify,
          timeZone: null,
        },
        contextAt(noon),
      );
      if (!registered.ok) throw new Error(registered.reason);
      await spendSharedTries(database.db, email, noon);
      expect(await attempt(email, null)).toMatchObject(tooMany);
      expect(await attempt(email, registered.mark)).toMatchObject({
        ok: true,
        next: verify ? 'verify' : 'dashboard',
      });
    }
  });
});

describe('a known browser', () => {
  test('that guesses sixty times at the same instant is looked at exactly five times, and then waits for its own tries', async () => {
    const { email, knownBrowser } = await giveKnownBrowser();
    await spendSharedTries(database.db, email, noon);
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, n) => attempt(email, knownBrowser, { password: `${wrong} ${n}` })),
    );
    const refused = answers.filter((answer) => !answer.ok && answer.reason === 'too_many_passwords');
    expect(answers.filter((answer) => !answer.ok && answer.reason === 'wrong_credentials')).toHaveLength(5);
    expect(refused).toHaveLength(55);
    for (const answer of refused) expect(answer).toMatchObject({ retryAt: after(later, 900) });
    expect(await attempt(email, knownBrowser)).toMatchObject(tooMany);
    expect(await attempt(email, knownBrowser, { at: after(later, 900) })).toMatchObject({ ok: true });
  });

  test('whose own tries are spent counts as unknown, and has spent none of the shared ones before', async () => {
    const { email, knownBrowser } = await giveKnownBrowser();
    const address = '192.0.2.60';
    const guess = () =>
      signIn(database.db, { email, password: wrong, knownBrowser }, contextAt(later, address));
    for (const count of [undefined, undefined, undefined, undefined, undefined, undefined, 3, 2, 1, 0]) {
      expect(await guess()).toEqual({
        ok: false,
        reason: 'wrong_credentials',
        triesLeft: count === undefined ? undefined : { count, thenAt: after(later, 900) },
      });
    }
    expect(await guess()).toEqual({ ...tooMany, retryAt: after(later, 900) });
    const shared = await database.db.select().from(rateLimits);
    const spent = shared.filter(({ key, hits }) => key.startsWith('password_email:') && hits.length === 5);
    expect(spent).toHaveLength(1);
  });

  test('is told of its last tries by what is left to it, when strangers have spent the others', async () => {
    const { email, knownBrowser } = await giveKnownBrowser();
    await spendSharedTries(database.db, email, noon);
    const counts: unknown[] = [];
    for (let tries = 0; tries < 5; tries += 1) {
      const answer = await attempt(email, knownBrowser, { password: wrong });
      counts.push(!answer.ok && answer.reason === 'wrong_credentials' ? answer.triesLeft?.count : answer);
    }
    expect(counts).toEqual([undefined, 3, 2, 1, 0]);
  });

  test('that is spent does not spend the tries of another one of the same account', async () => {
    const { email, knownBrowser } = await giveKnownBrowser();
    const other = await attempt(email, null);
    await spendSharedTries(database.db, email, noon);
    for (let tries = 0; tries < 5; tries += 1) await attempt(email, knownBrowser, { password: wrong });
    expect(await attempt(email, knownBrowser)).toMatchObject(tooMany);
    expect(await attempt(email, markOf(other))).toMatchObject({ ok: true });
  });
});

describe('a changed password', () => {
  test('makes every browser unknown but the one it was changed in', async () => {
    const { person, email, knownBrowser } = await giveKnownBrowser();
    const newPassword = 'another long phrase';
    const passwords = { currentPassword: password, newPassword };
    const changed = await changePassword(database.db, person, passwords, contextAt(after(noon, 30)));
    if (!changed.ok) throw new Error(changed.reason);
    await spendSharedTries(database.db, email, noon);
    expect(await attempt(email, knownBrowser, { password: newPassword })).toMatchObject(tooMany);
    expect(await attempt(email, changed.mark, { password: newPassword })).toMatchObject({ ok: true });
  });

  test('is another thing than a hash renewed under the same password, which leaves browsers known', async () => {
    const { person, email, knownBrowser } = await giveKnownBrowser();
    const cheap = (await findUser(database.db, person.userId))!.passwordHash.replace('$12$', '$04$');
    // No password belongs to this one; that the browser is known is seen by its own tries.
    await database.db.update(users).set({ passwordHash: cheap }).where(eq(users.id, person.userId));
    await spendSharedTries(database.db, email, noon);
    expect(await attempt(email, knownBrowser)).toMatchObject({ reason: 'wrong_credentials' });
  });
});

test('who registered a deleted email again is not met by the marks of the account before', async () => {
  const { person, email, knownBrowser } = await giveKnownBrowser();
  const leaving = { currentPassword: password, confirmed: true };
  expect(await deleteAccount(database.db, person, leaving, contextAt(noon))).toEqual({ ok: true });
  const next = {
    email,
    name: 'Test Person',
    password,
    phone: null,
    smsOptIn: false,
    verifyPhone: false,
    tcpaConsent: false,
    timeZone: null,
  };
  expect(await register(database.db, next, contextAt(noon))).toMatchObject({ ok: true });
  await spendSharedTries(database.db, email, noon);
  expect(await attempt(email, knownBrowser)).toMatchObject(tooMany);
});
