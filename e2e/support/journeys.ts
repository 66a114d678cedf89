import { expect, type Locator, type Page } from 'playwright/test';
import { forgetAddress } from './database';
import { newApplicant, type Applicant } from './people';

export const paths = {
  home: '/',
  register: '/users/register/applicant',
  code: '/users/verify-phone',
  signIn: '/users/login',
  dashboard: '/dashboard',
  terms: '/terms',
  privacy: '/privacy',
} as const;

/** The control of a form by its `name`, which is what programs outside rely on too. */
export function field(page: Page | Locator, name: string): Locator {
  return page.locator(`[name="${name}"]:not([type="hidden"])`);
}

export function button(page: Page | Locator, name: string): Locator {
  return page.getByRole('button', { name, exact: true });
}

/** Opens a page, and waits until its script has taken over where scripts run. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await awaitScript(page);
}

/** Waits until React has taken over the forms of a page; nothing to wait for where scripts are off. */
export async function awaitScript(page: Page): Promise<void> {
  if (!(await runsScripts(page))) return;
  await page.waitForFunction(() =>
    [...document.querySelectorAll('main form, main button')].every((element) =>
      Object.keys(element).some((key) => key.startsWith('__reactProps')),
    ),
  );
}

/** The browser shows `noscript` only where scripts are off; `scripting` asks the same of its style sheets. */
export async function runsScripts(page: Page): Promise<boolean> {
  return page.evaluate(() => matchMedia('(scripting: enabled)').matches);
}

export type RegistrationWishes = {
  /** As typed into the form. */
  phone?: string;
  updates?: boolean;
  verify?: boolean;
  /** Ticked by default when texts are asked for. */
  consent?: boolean;
};

/** Ticks a box; on a busy machine the page may still move under the first click. */
async function check(box: Locator): Promise<void> {
  await expect(async () => box.check({ timeout: 2_000 })).toPass();
}

/** Fills the registration form in, without sending it. */
export async function fillRegistration(
  page: Page,
  applicant: Applicant,
  { phone, updates = false, verify = false, consent = updates || verify }: RegistrationWishes = {},
): Promise<void> {
  await field(page, 'email').fill(applicant.email);
  await field(page, 'name').fill(applicant.name);
  await field(page, 'password').fill(applicant.password);
  // The boxes come with a number, and stay once one of them is ticked.
  if (phone !== undefined || updates || verify || consent) await field(page, 'phone').fill(phone ?? '5');
  if (updates) await check(field(page, 'smsOptIn'));
  if (verify) await check(field(page, 'verifyPhone'));
  if (consent) await check(field(page, 'tcpaConsent'));
  if (phone === undefined && (updates || verify || consent)) await field(page, 'phone').fill('');
}

/**
 * Registers someone new (or the one given) and waits for where it leads: the code page with `verify`, else inside. As
 * from an address that nobody has come from yet, so that a test may register as many people as it needs.
 */
export async function register(
  page: Page,
  wishes: RegistrationWishes = {},
  applicant: Applicant = newApplicant(),
): Promise<Applicant> {
  await forgetAddress();
  await open(page, paths.register);
  await fillRegistration(page, applicant, wishes);
  await button(page, 'Create account').click();
  await expectPage(page, wishes.verify ? paths.code : paths.dashboard);
  return applicant;
}

/** Sends the sign-in form; where it leads is the caller's to expect. */
export async function signIn(
  page: Page,
  { email, password }: Pick<Applicant, 'email' | 'password'>,
): Promise<void> {
  await open(page, paths.signIn);
  await field(page, 'email').fill(email);
  await field(page, 'password').fill(password);
  await button(page, 'Sign in').click();
}

export async function signOut(page: Page): Promise<void> {
  await button(page, 'Sign out').click();
  await expectPage(page, paths.signIn);
}

/** Types a code and sends it: with a script it goes by itself. */
export async function enterCode(page: Page, code: string, submitLabel = 'Verify'): Promise<void> {
  await field(page, 'code').fill(code);
  if (!(await runsScripts(page))) await button(page, submitLabel).click();
}

/** Waits until a page of this path is there and usable. */
export async function expectPage(page: Page, path: string): Promise<void> {
  await expect(page).toHaveURL((url) => url.pathname === path);
  await awaitScript(page);
}

/** The alert at the top of a form. Next's own route announcer is an alert too. */
export function alertOf(page: Page | Locator): Locator {
  return page.locator('form [role="alert"]');
}
