import { randomUUID } from 'node:crypto';
import { drizzle } from 'drizzle-orm/node-postgres';
import { expect, type Page } from 'playwright/test';
import { encode } from 'next-auth/jwt';
import { mintLoginGrant } from '../../lib/accounts/login-grants';
import { hashPassword } from '../../lib/accounts/password';
import { redeemLoginGrant } from '../../lib/accounts/sessions';
import { insertUser } from '../../lib/accounts/users';
import { cookieName } from '../../lib/cookie-names';
import { createPreferences } from '../../lib/sms/preferences/preferences';
import { setUpTotp, totpAt } from '../../tests/support/factors';
import { database, readRows } from './database';
import { awaitScript, button, enterCode, expectPage, field, open, paths } from './journeys';
import { readRun } from './run';
import { authSecret } from './start-app';

export const twoFactorPaths = {
  secondStep: '/users/login/second-factor',
  factors: '/users/security/two-factor',
  confirm: '/users/security/confirm',
} as const;

export type MadePerson = {
  id: string;
  email: string;
  name: string;
  password: string;
  /** Their authenticator app; null: they have none. */
  app: AuthenticatorApp | null;
};

/** An authenticator app. Each code counts once, so it shows the next one early when it is asked twice within 30 seconds. */
export class AuthenticatorApp {
  #lastStep = 0;

  constructor(readonly key: string) {}

  nextCode(): string {
    this.#lastStep = Math.max(Math.floor(Date.now() / 30_000), this.#lastStep + 1);
    return totpAt(this.key, new Date(this.#lastStep * 30_000));
  }
}

const password = 'violet kettle mosaic';
let hash: ReturnType<typeof hashPassword> | undefined;

/** The hash of their password. It takes a third of a second, so all people of a worker share one. */
async function hashOnce(): Promise<string> {
  hash ??= hashPassword(password);
  const hashed = await hash;
  if (!hashed.ok) throw new Error(hashed.reason);
  return hashed.value;
}

/** Someone with an account, as if the operator had made it; with an authenticator app where the role asks for one, unless `app` is false. */
export async function makePerson(
  role: 'applicant' | 'broker' | 'staff' | 'admin',
  { name = `Robin ${randomUUID().slice(0, 6)}`, app = role !== 'applicant' } = {},
): Promise<MadePerson> {
  const id = randomUUID();
  const email = `${id}@example.com`;
  const now = new Date();
  const passwordHash = await hashOnce();
  await drizzle(database()).transaction(async (tx) => {
    await insertUser(tx, {
      id,
      email,
      name,
      role,
      passwordHash,
      phone: null,
      active: true,
      emailProven: true,
      now,
    });
    await createPreferences(tx, { userId: id, enabled: false, timeZone: null, now });
  });
  return { id, email, name, password, app: app ? await giveApp({ id, email }) : null };
}

/** Gives an account an authenticator app, whose code of this moment was not used. */
export async function giveApp({ id, email }: { id: string; email: string }): Promise<AuthenticatorApp> {
  // The app's key is sealed as the running app seals it.
  Object.assign(process.env, { AUTH_SECRET: authSecret, DATABASE_URL: readRun().databaseUrl });
  const setUpAt = new Date(Date.now() - 120_000);
  const db = drizzle(database());
  const key = await db.transaction((tx) => setUpTotp(tx, { userId: id, email }, setUpAt));
  await readRows('update users set enroll_until = null where id = $1', [id]);
  return new AuthenticatorApp(key);
}

/**
 * Lets someone in as if they had just signed in, by both steps where they have an app, and waits until they are inside: for tests in
 * which signing in is not what is asked about. The browser is none that was marked as theirs, and nothing is in their record.
 */
export async function enterAs(page: Page, { id, app }: Pick<MadePerson, 'id' | 'app'>): Promise<void> {
  const { appUrl } = readRun();
  const db = drizzle(database());
  const now = new Date();
  const userAgent = await page.evaluate(() => navigator.userAgent);
  const { grant } = await mintLoginGrant(db, id, now, app === null ? {} : { secondFactorAt: now });
  const session = await redeemLoginGrant(db, grant, { now, address: '127.0.0.1', userAgent });
  const name = cookieName('session', new URL(appUrl));
  const secret = authSecret.split(',').map((each) => each.trim());
  const value = await encode({ token: session!, secret, salt: name });
  await page.context().addCookies([{ name, value, url: appUrl, httpOnly: true, sameSite: 'Lax' }]);
  await open(page, paths.dashboard);
  await expectPage(page, paths.dashboard);
}

/** Types a code of the app into the second step and sends it. */
export async function giveSecondStep(page: Page, code: string, { trust = false } = {}): Promise<void> {
  const trustBox = field(page, 'trustDevice');
  // Where there is a box to tick, the code does not send itself.
  if ((await trustBox.count()) === 0) return enterCode(page, code, 'Continue');
  await field(page, 'code').fill(code);
  if (trust) await trustBox.check();
  await button(page, 'Continue').first().click();
}

/** Sets an authenticator app up on the page of second factors, where someone is, and waits until it counts. */
export async function setUpApp(page: Page): Promise<AuthenticatorApp> {
  await button(page, 'Set up an authenticator app').click();
  const key = await page.locator('[data-totp-key]').getAttribute('data-totp-key');
  const app = new AuthenticatorApp(key!);
  await enterCode(page, app.nextCode(), 'Turn on');
  await expect(page.getByText('Your authenticator app is set up.')).toBeVisible();
  await awaitScript(page);
  return app;
}
