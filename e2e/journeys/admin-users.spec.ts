import { randomUUID } from 'node:crypto';
import type { Locator, Page } from 'playwright/test';
import { readRows } from '../support/database';
import { alertOf, awaitScript, button, expectPage, field, open, paths, signIn } from '../support/journeys';
import { readMailLink } from '../support/mails';
import { newNumber, writeNationally } from '../support/people';
import { enterAs, makePerson, setUpApp, twoFactorPaths, type MadePerson } from '../support/staff';
import { expect, test } from '../support/test';

const password = 'violet kettle mosaic';
const people = '/admin/users';

/** Finds a person and opens their page. */
async function find(page: Page, { email, name }: Pick<MadePerson, 'email' | 'name'>): Promise<void> {
  await open(page, people);
  await field(page, 'q').fill(email);
  await button(page, 'Search').click();
  await expect(page).toHaveURL(/[?&]q=/);
  expect(page.url()).not.toContain(email.slice(0, 8));
  await page.getByRole('link', { name, exact: true }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(name);
  await awaitScript(page);
}

/** The form behind a disclosure, opened. */
async function formOf(page: Page, summary: string, submit: string): Promise<Locator> {
  await page.locator('summary', { hasText: new RegExp(`^${summary}$`) }).click();
  return page.locator('form').filter({ has: page.getByRole('button', { name: submit, exact: true }) });
}

async function submitAction(page: Page, summary: string, submit: string, reason: string): Promise<void> {
  const form = await formOf(page, summary, submit);
  await field(form, 'reason').fill(reason);
  await button(form, submit).click();
}

const serial = () => randomUUID().slice(0, 8);

async function expectToFit(page: Page): Promise<void> {
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
}

test('an admin invites someone, who follows the link and is in with the role', async ({
  page,
  openBrowser,
}) => {
  await enterAs(page, await makePerson('admin', { name: `Ada ${serial()}` }));
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'People' }).click();
  await expectPage(page, people);
  await page.getByRole('link', { name: 'Invite someone' }).click();
  await expectPage(page, '/admin/users/invite');

  await button(page, 'Send the invitation').click();
  await expect(alertOf(page)).toContainText('4 things need your attention');
  const email = `${randomUUID()}@example.com`;
  await field(page, 'email').fill(email);
  await field(page, 'name').fill('Nora New');
  await field(page, 'role').selectOption('broker');
  await field(page, 'reason').first().fill('Joins the team in December.');
  await button(page, 'Send the invitation').click();
  await expect(page.getByText('The invitation is on its way.')).toBeVisible();
  const listed = page.getByRole('listitem').filter({ hasText: email });
  await expect(listed).toContainText('Joins the team in December.');
  await expectToFit(page);

  const theirs = await (await openBrowser()).newPage();
  const link = await readMailLink(theirs, { to: email, subject: /You are invited/ });
  await open(theirs, link);
  await expect(theirs).toHaveTitle(/^Create your account · /);
  await expect(theirs.getByRole('heading', { level: 1 })).toHaveText('Create your account');
  await expect(theirs.getByText('You are invited as a broker.')).toBeVisible();
  await expect(field(theirs, 'email')).toHaveValue(email);
  await field(theirs, 'name').fill('Nora Newman');
  await field(theirs, 'password').fill('short');
  await button(theirs, 'Create account').click();
  await expect(theirs.locator('#password-error')).toBeVisible();
  await expect(field(theirs, 'name')).toHaveValue('Nora Newman');
  await field(theirs, 'password').fill('walnut harbor lamp');
  await button(theirs, 'Create account').click();
  await expectPage(theirs, twoFactorPaths.factors);
  await setUpApp(theirs);
  await open(theirs, '/staff/opt-outs');
  await expect(theirs.getByRole('heading', { level: 1 })).toHaveText('Record an opt-out');

  // Once is enough, and the admin sees why it came about.
  await open(theirs, link);
  await expect(theirs.getByRole('heading', { level: 1 })).toHaveText('This link was used already');
  await find(page, { email, name: 'Nora Newman' });
  await expect(page.getByText('Reason: Joins the team in December.')).toBeVisible();
});

test('an invitation that is withdrawn opens nothing', async ({ page, openBrowser }) => {
  await enterAs(page, await makePerson('admin', { name: `Ada ${serial()}` }));
  await open(page, '/admin/users/invite');
  const email = `${randomUUID()}@example.com`;
  await field(page, 'email').fill(email);
  await field(page, 'name').fill('Nora New');
  await field(page, 'role').selectOption('staff');
  await field(page, 'reason').first().fill('Joins.');
  await button(page, 'Send the invitation').click();
  await expect(page.getByText('The invitation is on its way.')).toBeVisible();
  const theirs = await (await openBrowser()).newPage();
  const link = await readMailLink(theirs, { to: email, subject: /You are invited/ });

  await awaitScript(page);
  const listed = page.getByRole('listitem').filter({ hasText: email });
  await listed.getByText('Withdraw', { exact: true }).click();
  await field(listed, 'reason').fill('Wrong address.');
  await button(listed, 'Withdraw the invitation').click();
  await expect(page.getByText('The invitation was withdrawn.')).toBeVisible();
  await expect(page.getByRole('listitem').filter({ hasText: email })).toHaveCount(0);
  await open(theirs, link);
  await expect(theirs.getByRole('heading', { level: 1 })).toHaveText('This invitation was withdrawn');
});

test('an admin deactivates someone, who is out at once, and lets them in again', async ({
  page,
  openBrowser,
}) => {
  const person = await makePerson('staff', { name: `Stan ${serial()}` });
  const theirs = await (await openBrowser()).newPage();
  await enterAs(theirs, person);
  const admin = await makePerson('admin', { name: `Ada ${serial()}` });
  await enterAs(page, admin);
  await find(page, person);

  const form = await formOf(page, 'Deactivate', 'Deactivate the account');
  await button(form, 'Deactivate the account').click();
  await expect(page.locator('#deactivate-reason-error')).toBeVisible();
  await field(form, 'reason').fill('Left the company.');
  const showFactor = (ago: string) =>
    readRows(`update sessions set second_factor_at = now() - $2::interval where user_id = $1`, [
      admin.id,
      ago,
    ]);
  await showFactor('11 minutes');
  await button(form, 'Deactivate the account').click();
  await expect(form.getByRole('alert')).toContainText('more than ten minutes');
  await showFactor('1 minute');
  await expect(field(form, 'reason')).toHaveValue('Left the company.');
  await button(form, 'Deactivate the account').click();
  await expect(page.getByText('The account is deactivated.')).toBeVisible();
  await expect(page.getByText('Reason: Left the company.', { exact: true })).toBeVisible();
  // Who did it stands beside the state of the account, and in its record.
  await expect(page.getByRole('link', { name: admin.name })).toHaveCount(2);
  await expectToFit(page);

  await open(theirs, paths.dashboard);
  await expectPage(theirs, paths.signIn);
  await signIn(theirs, { email: person.email, password });
  await expect(alertOf(theirs)).toBeVisible();

  await awaitScript(page);
  await submitAction(page, 'Reactivate', 'Reactivate the account', 'Came back.');
  await expect(page.getByText('The account is open again.')).toBeVisible();
  await enterAs(theirs, person);
});

test('an admin changes a role, ends sessions and resets password tries, and does none of it to themselves', async ({
  page,
  openBrowser,
}) => {
  const admin = await makePerson('admin', { name: `Ada ${serial()}` });
  const person = await makePerson('applicant', { name: `Rita ${serial()}` });
  const theirs = await (await openBrowser()).newPage();
  await enterAs(theirs, person);
  await enterAs(page, admin);
  await find(page, person);

  const form = await formOf(page, 'Change the role', 'Change the role');
  await field(form, 'role').selectOption('broker');
  await field(form, 'reason').fill('Sells for us.');
  await button(form, 'Change the role').click();
  await expect(page.getByText('The role was changed.')).toBeVisible();
  await expect(page.getByText('Role changed: Applicant to Broker')).toBeVisible();
  await open(theirs, paths.dashboard);
  await expectPage(theirs, paths.signIn);

  // Their new role needs a second factor, which a password alone does not set up any more.
  await signIn(theirs, person);
  await expect(alertOf(theirs)).toContainText('We sent you an email with a link to set it up.');
  await open(theirs, await readMailLink(theirs, { to: person.email, subject: /second factor/ }));
  await field(theirs, 'password').fill(person.password);
  await button(theirs, 'Continue').click();
  await expectPage(theirs, twoFactorPaths.factors);
  await setUpApp(theirs);
  await open(theirs, '/staff/opt-outs');
  await expect(theirs.getByRole('heading', { level: 1 })).toHaveText('Record an opt-out');

  await awaitScript(page);
  await submitAction(page, 'End all sessions', 'End all sessions', 'Lost their laptop.');
  await expect(page.getByText('The person was signed out everywhere.', { exact: true })).toBeVisible();
  await open(theirs, paths.dashboard);
  await expectPage(theirs, paths.signIn);
  await awaitScript(page);
  await expect(page.locator('dl > div', { hasText: 'Locked now' })).toContainText('No');
  await submitAction(page, 'Unlock', 'Reset the tries', 'Called us.');
  await expect(page.getByText('The password tries were reset, and codes work again.')).toBeVisible();

  await find(page, admin);
  await expect(page.getByText('This is your own account.')).toBeVisible();
  await expect(field(page, 'reason')).toHaveCount(0);
});

test('people are found by name and number and narrowed down, and no address says who', async ({ page }) => {
  const phone = newNumber();
  const tag = serial();
  const person = await makePerson('staff', { name: `Quentin ${tag}` });
  const shut = await makePerson('staff', { name: `Quentin ${tag}, who left` });
  await readRows('update users set phone = $2 where email = $1', [person.email, phone]);
  await readRows('update users set deactivated_at = now() where email = $1', [shut.email]);
  await enterAs(page, await makePerson('admin', { name: `Ada ${serial()}` }));
  const rows = page.locator('tbody tr');

  await open(page, people);
  await field(page, 'q').fill(`quentin ${tag}`);
  await button(page, 'Search').click();
  await expect(rows).toHaveCount(2);
  await expect(field(page, 'q')).toHaveValue(`quentin ${tag}`);
  expect(page.url()).not.toContain(tag);
  await awaitScript(page);
  await field(page, 'state').selectOption('deactivated');
  await button(page, 'Search').click();
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText('who left');
  await expect(rows.getByRole('link', { name: /^Texts and consents of/ })).toHaveAttribute(
    'href',
    `${people}/${shut.id}/texts`,
  );
  await expectToFit(page);

  await page.getByRole('link', { name: 'Show all' }).click();
  await expect(field(page, 'q')).toHaveValue('');
  await awaitScript(page);
  await field(page, 'q').fill(writeNationally(phone));
  await button(page, 'Search').click();
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText(person.email);
  await expect(field(page, 'q')).toHaveValue(`•••${phone.slice(-4)}`);
  expect(await page.content()).not.toContain(phone.slice(-7));
  await awaitScript(page);
  await field(page, 'q').fill('%');
  await button(page, 'Search').click();
  await expect(page.getByText('No matches.')).toBeVisible();
});

test('a broker records an opt-out that came by letter', async ({ page }) => {
  const phone = newNumber();
  await enterAs(page, await makePerson('broker', { name: `Bo ${serial()}` }));
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Opt-outs' }).click();
  await expectPage(page, '/staff/opt-outs');
  await field(page, 'phone').fill('12');
  await field(page, 'channel').selectOption('letter');
  await field(page, 'note').fill('Wrote on Monday.');
  await button(page, 'Stop texts to this number').click();
  await expect(page.locator('#phone-error')).toBeVisible();
  await expect(field(page, 'channel')).toHaveValue('letter');
  await field(page, 'phone').fill(writeNationally(phone));
  await button(page, 'Stop texts to this number').click();
  await expect(page.getByText('No more texts go to this number.')).toBeVisible();
  await expectToFit(page);
  expect(await readRows('select channel, words from sms_opt_outs where phone = $1', [phone])).toEqual([
    { channel: 'letter', words: 'Wrote on Monday.' },
  ]);
});
