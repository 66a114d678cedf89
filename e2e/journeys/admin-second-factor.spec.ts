import { createHash, randomUUID } from 'node:crypto';
import { drizzle } from 'drizzle-orm/node-postgres';
import type { Page } from 'playwright/test';
import { createUser } from '../../scripts/commands/create-user';
import { database, readRows } from '../support/database';
import { awaitScript, button, expectPage, field, open, signIn } from '../support/journeys';
import { readMailLink } from '../support/mails';
import { expect, test } from '../support/test';

const password = 'violet kettle mosaic';
const here = '/admin/users/second-factor';

type Person = { email: string; name: string; id: string };

/** Someone whose account the operator made; their email is proven. */
async function makePerson(role: 'applicant' | 'broker' | 'staff' | 'admin', name: string): Promise<Person> {
  const email = `${randomUUID()}@example.com`;
  await createUser(drizzle(database()), { email, name, role, password, siteName: 'Doorstep' }, new Date());
  const [row] = await readRows<{ id: string }>('select id from users where email = $1', [email]);
  return { email, name, id: row!.id };
}

/** Gives someone a passkey that no browser here has, and a recovery code. Out: the code. */
async function giveFactor({ id }: Person): Promise<string> {
  const code = createHash('sha256').update(id).digest('hex').toUpperCase().slice(0, 24);
  await readRows(
    `insert into passkeys (id, user_id, credential_id, public_key, counter, transports, name, backed_up, created_at)
     values (gen_random_uuid(), $1, gen_random_uuid()::text, 'key', 0, '{}', 'Laptop', false, now())`,
    [id],
  );
  const setId = randomUUID();
  await readRows(
    'insert into recovery_code_sets (id, user_id, created_at, confirmed_at) values ($1, $2, now(), now())',
    [setId, id],
  );
  await readRows('insert into recovery_codes (code_hash, set_id) values ($1, $2)', [
    createHash('sha256').update(code).digest(),
    setId,
  ]);
  return code;
}

/** Signs an admin in, who has shown a second factor then. */
async function enterAsAdmin(page: Page): Promise<void> {
  const admin = await makePerson('admin', 'Ada Admin');
  const code = await giveFactor(admin);
  await signIn(page, { email: admin.email, password });
  await page.locator('summary', { hasText: 'Use a recovery code' }).click();
  await field(page, 'recoveryCode').fill(code);
  const form = page.locator('form').filter({ has: page.locator('[name=recoveryCode]') });
  await button(form, 'Continue').click();
  await expectPage(page, '/users/security/two-factor');
}

async function submitAction(page: Page, summary: string, submit: string): Promise<void> {
  await awaitScript(page);
  await page.locator('summary', { hasText: new RegExp(`^${summary}$`) }).click();
  const form = page.locator('form').filter({ has: page.getByRole('button', { name: submit, exact: true }) });
  await field(form, 'reason').fill('Lost the phone.');
  await button(form, submit).click();
}

test('a second factor that was lost is removed by the mail and the password, and not before', async ({
  page,
  openBrowser,
}) => {
  const person = await makePerson('staff', 'Sam Staff');
  await giveFactor(person);
  await enterAsAdmin(page);
  await open(page, `/admin/users/${person.id}`);
  await expect(page.getByText('1 left')).toBeVisible();
  await submitAction(page, 'Reset the second factor', 'Ask them');
  await expect(page.getByText('An email is on its way to the person.')).toBeVisible();
  const held = () => readRows('select from passkeys where user_id = $1', [person.id]);
  expect(await held()).toHaveLength(1);

  const theirs = await (await openBrowser()).newPage();
  await open(theirs, await readMailLink(theirs, { to: person.email, subject: /Replace your second factor/ }));
  await field(theirs, 'password').fill(password);
  await button(theirs, 'Remove the old ones and continue').click();
  await expect(theirs).toHaveURL(/\/users\/security\/two-factor/);
  expect(await held()).toHaveLength(0);
  await page.reload();
  await expect(page.getByText('Not set up')).toBeVisible();
});

test('a link that no mail carries is shown once, and is in no address', async ({ page }) => {
  const person = await makePerson('broker', 'Blake Broker');
  await readRows('update users set email_proven_at = null where id = $1', [person.id]);
  await enterAsAdmin(page);
  await open(page, `/admin/users/${person.id}`);
  await submitAction(page, 'Send a link to set up a second factor', 'Send the link');
  const shown = page.getByText(/\/users\/enroll\?link=/);
  await expect(shown).toBeVisible();
  expect(page.url()).not.toContain('link=');
  await page.goto(`/admin/users/${person.id}`);
  await expect(shown).toHaveCount(0);
});

test('an admin sees whom the end of a grace period would keep out, and sets it', async ({ page }) => {
  const person = await makePerson('broker', `Nora ${randomUUID().slice(0, 8)}`);
  await enterAsAdmin(page);
  await open(page, here);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Second factors');
  await awaitScript(page);
  const form = page.locator('form').filter({ has: page.locator('[name=about][value=broker]') });
  await page.locator('summary', { hasText: 'Change until when' }).first().click();
  await field(form, 'days').fill('15');
  await field(form, 'reason').fill('They are on their way.');
  await button(form, 'Save').click();
  await expect(page.getByText('Enter a whole number from 0 to 14.').first()).toBeVisible();
  await field(form, 'days').fill('0');
  await field(form, 'reason').fill('They are on their way.');
  await button(form, 'Save').click();
  await expect(page.getByText('Saved. These people now have to set up a second factor first.')).toBeVisible();
  await open(page, '/admin/users?role=broker&state=no_factor');
  await expect(page.getByRole('link', { name: person.name, exact: true })).toBeVisible();
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
});
