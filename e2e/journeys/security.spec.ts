import { readFileSync } from 'node:fs';
import type { Page } from 'playwright/test';
import { readAccounts, readRows } from '../support/database';
import {
  alertOf,
  button,
  enterCode,
  expectPage,
  field,
  open,
  paths,
  register,
  signIn,
} from '../support/journeys';
import type { Applicant } from '../support/people';
import { awaitText, formWith, registerVerified, settingsPaths } from '../support/settings';
import { expect, test } from '../support/test';
import { readCode } from '../support/texts';

const { security, deletion, deleted } = settingsPaths;
const newPassword = 'amber lantern orchard';

// Browsers of several people, each with passwords that are slow to check on purpose.
test.describe.configure({ timeout: 120_000 });

test.describe('the password', () => {
  test('it is changed against the old one: every other browser is out, this one stays, and the person is told', async ({
    page,
    openBrowser,
    javaScriptEnabled,
  }) => {
    const { applicant, phone } = await registerVerified(page, { updates: true });
    await awaitText(phone, 'update');
    const elsewhere = await signInElsewhere(openBrowser, applicant);
    await open(page, security);
    if (javaScriptEnabled) {
      // A finger needs its width, also where the page makes its buttons as narrow as their words.
      const eye = await page.getByRole('button', { name: 'Show password' }).first().boundingBox();
      expect(eye!.width).toBeGreaterThanOrEqual(44);
    }
    await fillPasswords(page, applicant.password, newPassword);
    await button(page, 'Change password').click();
    await expect(
      page.getByText('Your password has been changed. You are signed out everywhere else.'),
    ).toBeVisible();
    await expect(page.getByText('Password changed', { exact: true })).toBeVisible();
    await elsewhere.reload();
    await expectPage(elsewhere, paths.signIn);
    // No email is proven, so this is the only way to hear of it.
    expect((await awaitText(phone, 'notice')).body).toContain('your password was changed');

    await signIn(elsewhere, applicant);
    await expect(alertOf(elsewhere)).toContainText('do not match an account');
    await signIn(elsewhere, { ...applicant, password: newPassword });
    await expectPage(elsewhere, paths.dashboard);
    await page.goto(paths.dashboard);
    await expectPage(page, paths.dashboard);
  });

  test('an address that claims that something was saved shows the page as ever', async ({ page }) => {
    await register(page);
    for (const saved of ['constructor', 'toString', '__proto__', 'none']) {
      await open(page, `/users/security?saved=${saved}`);
      await expect(page.getByRole('heading', { level: 1 })).toHaveText('Security');
      await expect(page.getByRole('status').filter({ hasText: /changed|ended/ })).toHaveCount(0);
    }
  });

  test('a wrong old one and a weak new one are refused beside their fields, and nobody is signed out', async ({
    page,
    openBrowser,
  }) => {
    const applicant = await register(page);
    const elsewhere = await signInElsewhere(openBrowser, applicant);
    await open(page, security);
    await fillPasswords(page, 'certainly another one', newPassword);
    await button(page, 'Change password').click();
    await expect(page.locator('#password-currentPassword-error')).toContainText(
      'This is not your password. Nothing was changed.',
    );
    await expect(alertOf(page).locator('a[href="#password-currentPassword"]')).toBeVisible();
    const control = field(formWith(page, 'Change password'), 'currentPassword');
    await expect(control).toHaveAttribute('aria-invalid', 'true');
    await expect(control).toHaveAttribute('aria-describedby', /password-currentPassword-error/);

    for (const [password, words] of [
      ['short', /too short/],
      ['password123', /easy to guess|first that attackers try/],
      [applicant.password, /This is already your password/],
    ] as const) {
      await fillPasswords(page, applicant.password, password);
      await button(page, 'Change password').click();
      await expect(page.locator('#password-newPassword-error')).toContainText(words);
      await expect(page.locator('#password-currentPassword-error')).toHaveCount(0);
    }
    expect(await page.content()).not.toContain(applicant.password);

    await elsewhere.reload();
    await expectPage(elsewhere, paths.dashboard);
    await button(elsewhere, 'Sign out').click();
    await expectPage(elsewhere, paths.signIn);
    await signIn(elsewhere, applicant);
    await expectPage(elsewhere, paths.dashboard);
  });
});

test.describe('the sessions', () => {
  test('one is ended, and that browser is out while the others stay', async ({
    page,
    openBrowser,
    javaScriptEnabled,
  }) => {
    const applicant = await register(page);
    const first = await signInElsewhere(openBrowser, applicant);
    const second = await signInElsewhere(openBrowser, applicant);
    await open(page, security);
    await expect(page.getByText('This browser', { exact: true })).toHaveCount(1);
    const ends = page.getByRole('button', { name: 'End this session' });
    await expect(ends).toHaveCount(2);
    // Who was seen last comes first.
    await ends.first().click();
    await expect(page.getByText('That session has ended.')).toBeVisible();
    if (javaScriptEnabled) {
      // Said once: a reload does not say it again.
      await expect(page).toHaveURL((url) => url.search === '');
      await page.reload();
      await expect(page.getByText('That session has ended.')).toHaveCount(0);
    }
    await expect(ends).toHaveCount(1);
    await second.reload();
    await expectPage(second, paths.signIn);
    await first.reload();
    await expectPage(first, paths.dashboard);
  });

  test('all others are ended at once, and this one stays', async ({ page, openBrowser }) => {
    const applicant = await register(page);
    const others = [
      await signInElsewhere(openBrowser, applicant),
      await signInElsewhere(openBrowser, applicant),
    ];
    await open(page, security);
    await button(page, 'End all other sessions').click();
    await expect(page.getByText('All other sessions have ended.')).toBeVisible();
    await expect(button(page, 'End this session')).toHaveCount(0);
    await expect(button(page, 'End all other sessions')).toHaveCount(0);
    for (const other of others) {
      await other.reload();
      await expectPage(other, paths.signIn);
    }
  });

  test('who was here long ago shows that it is them before other sessions end', async ({
    page,
    openBrowser,
  }) => {
    const applicant = await register(page);
    const other = await signInElsewhere(openBrowser, applicant);
    await readRows(
      `update sessions set authenticated_at = authenticated_at - interval '11 minutes'
       where user_id = (select id from users where email = $1)`,
      [applicant.email],
    );
    await open(page, security);
    for (const end of ['End this session', 'End all other sessions']) {
      await button(page, end).click();
      await expect(page.getByRole('heading', { level: 1 })).toHaveText('Confirm that it is you');
      await open(page, security);
    }
    await other.reload();
    await expectPage(other, paths.dashboard);

    await button(page, 'End all other sessions').click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Confirm that it is you');
    await field(page, 'currentPassword').fill(applicant.password);
    await button(page, 'Confirm').click();
    await expect(page.getByText('No session has ended yet.')).toBeVisible();
    await button(page, 'End all other sessions').click();
    await expect(page.getByText('All other sessions have ended.')).toBeVisible();
    await other.reload();
    await expectPage(other, paths.signIn);
  });

  test('sign-ins and attempts are listed, wrong passwords too', async ({ page, openBrowser }) => {
    const applicant = await register(page);
    const stranger = await (await openBrowser()).newPage();
    await signIn(stranger, { ...applicant, password: 'certainly another one' });
    await expect(alertOf(stranger)).toBeVisible();
    await open(page, security);
    await expect(page.getByText('Sign-in refused')).toBeVisible();
    await expect(page.getByText('Wrong password', { exact: true })).toBeVisible();
  });
});

test.describe('the data', () => {
  test('the export has all about the person, and nothing that opens anything', async ({ page, context }) => {
    const { applicant, phone, code } = await registerVerified(page, { updates: true });
    await awaitText(phone, 'update');
    await open(page, security);
    const downloading = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download my data (JSON)' }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toMatch(/^doorstep-data-\d{4}-\d\d-\d\d\.json$/);
    const file = readFileSync(await download.path(), 'utf8');
    const data = JSON.parse(file) as Record<string, unknown> & Record<'texts' | 'consents', unknown[]>;
    expect(data).toMatchObject({
      account: { email: applicant.email, name: applicant.name, role: 'applicant' },
      phone: { number: phone, state: 'verified' },
      preferences: { enabled: true },
    });
    expect(data.texts).toHaveLength(2);
    expect(data.consents).toHaveLength(2);
    for (const part of ['verifications', 'sessions', 'activity']) expect(data[part]).not.toEqual([]);

    const [secret] = await readRows<{ password_hash: string; session: string; nonce: Buffer }>(
      `select password_hash, sessions.id as session, sms_verifications.nonce
       from users join sessions on sessions.user_id = users.id
       join sms_verifications on sms_verifications.user_id = users.id where email = $1`,
      [applicant.email],
    );
    const cookies = (await context.cookies()).map(({ value }) => value);
    expect(cookies).not.toEqual([]);
    const secrets = [applicant.password, secret!.password_hash, secret!.session, code, ...cookies];
    for (const encoding of ['hex', 'base64', 'base64url'] as const) {
      secrets.push(secret!.nonce.toString(encoding));
    }
    for (const each of secrets) expect(file).not.toContain(each);
  });

  test('a download that is refused leads back to its page, which says why and from when on', async ({
    page,
  }) => {
    const { email } = await register(page);
    await readRows('update users set recovered_at = now() where email = $1', [email]);
    await open(page, security);
    const said = page.getByRole('alert').filter({ hasText: 'Your data cannot be downloaded yet' });
    await page.getByRole('link', { name: 'Download my data (JSON)' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Security');
    await expect(said).toContainText('Your password was reset lately.');
    await expect(said.locator('time')).toHaveText(/\d:\d\d [AP]M/);
    await open(page, '/users/sms-preferences/record');
    await page.getByRole('link', { name: 'Download as JSON' }).click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('My record');
    await expect(said).toBeVisible();
  });

  test('deleting the account takes the password; then nobody signs in, and the number is free for another', async ({
    page,
    openBrowser,
  }) => {
    const { applicant, phone } = await registerVerified(page, { updates: true });
    await awaitText(phone, 'update');
    const [account] = await readAccounts(applicant.email);
    const elsewhere = await signInElsewhere(openBrowser, applicant);
    await open(page, security);
    await page.getByRole('link', { name: 'Delete my account' }).click();
    await expectPage(page, deletion);

    await button(page, 'Delete my account').click();
    await expect(page.locator('#confirmDelete-error')).toBeVisible();
    await expect(page.locator('#currentPassword-error')).toBeVisible();
    await field(page, 'confirmDelete').check();
    await field(page, 'currentPassword').fill('certainly another one');
    await button(page, 'Delete my account').click();
    await expect(page.locator('#currentPassword-error')).toContainText('This is not your password');
    await expect(field(page, 'confirmDelete')).toBeChecked();
    expect(await readAccounts(applicant.email)).toHaveLength(1);

    await field(page, 'currentPassword').fill(applicant.password);
    await button(page, 'Delete my account').click();
    await expectPage(page, deleted);
    expect(await readAccounts(applicant.email)).toEqual([]);
    expect(
      await readRows('select number from phone_numbers where holder_user_id = $1', [account!.id]),
    ).toEqual([]);
    // The proof of what was agreed to stays, whose it was does not.
    expect(
      await readRows(
        'select * from sms_consent_details where address is not null and consent_id in (select id from sms_consents where phone = $1)',
        [phone],
      ),
    ).toEqual([]);
    expect(
      await readRows(
        `select scope, wording is not null as worded from sms_consents where phone = $1 and action = 'granted' order by scope`,
        [phone],
      ),
    ).toEqual([
      { scope: 'updates', worded: true },
      { scope: 'verification', worded: true },
    ]);

    await elsewhere.reload();
    await expectPage(elsewhere, paths.signIn);
    await signIn(page, applicant);
    await expect(alertOf(page)).toContainText('do not match an account');

    const next = await register(elsewhere, { phone, verify: true });
    await enterCode(elsewhere, await readCode(phone, 3));
    await expectPage(elsewhere, paths.dashboard);
    expect((await readAccounts(next.email))[0]).toMatchObject({ phone, verified: true });
  });
});

async function signInElsewhere(
  openBrowser: () => Promise<ReturnType<Page['context']>>,
  applicant: Applicant,
): Promise<Page> {
  const page = await (await openBrowser()).newPage();
  await signIn(page, applicant);
  await expectPage(page, paths.dashboard);
  return page;
}

async function fillPasswords(page: Page, currentPassword: string, password: string): Promise<void> {
  const form = formWith(page, 'Change password');
  await field(form, 'currentPassword').fill(currentPassword);
  await field(form, 'newPassword').fill(password);
}
