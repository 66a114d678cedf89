import { readRows } from '../support/database';
import { button, expectPage, open, paths, register, signIn, signOut } from '../support/journeys';
import { expect, test } from '../support/test';

test('signing out in one tab signs the other out with its next request, and no other browser', async ({
  page,
  context,
  openBrowser,
}) => {
  const applicant = await register(page);
  const tab = await context.newPage();
  await open(tab, paths.dashboard);
  const elsewhere = await (await openBrowser()).newPage();
  await signIn(elsewhere, applicant);
  await expectPage(elsewhere, paths.dashboard);

  await signOut(page);
  await tab.reload();
  await expectPage(tab, paths.signIn);
  await elsewhere.reload();
  await expectPage(elsewhere, paths.dashboard);
});

test('a session that was copied before signing out opens nothing afterwards', async ({
  page,
  context,
  openBrowser,
}) => {
  await register(page);
  const cookies = await context.cookies();
  await signOut(page);
  const thief = await openBrowser();
  await thief.addCookies(cookies);
  const copy = await thief.newPage();
  await copy.goto(paths.dashboard);
  await expectPage(copy, paths.signIn);
});

test('signing in again ends the session that this browser had', async ({ page, context }) => {
  const applicant = await register(page);
  await signOut(page);
  const second = await context.newPage();
  await open(second, paths.signIn);
  await signIn(page, applicant);
  await expectPage(page, paths.dashboard);
  await second.locator('[name="email"]').fill(applicant.email);
  await second.locator('[name="password"]').fill(applicant.password);
  await button(second, 'Sign in').click();
  await expectPage(second, paths.dashboard);
  const rows = await readRows(
    'select 1 from sessions join users on users.id = sessions.user_id where email = $1',
    [applicant.email],
  );
  expect(rows).toHaveLength(1);
  await page.reload();
  await expectPage(page, paths.dashboard);
});

test('a deactivated account is out with its next request and cannot come back', async ({ page }) => {
  const applicant = await register(page);
  await readRows('update users set deactivated_at = now() where email = $1', [applicant.email]);
  await page.reload();
  await expectPage(page, paths.signIn);
  await signIn(page, applicant);
  await expect(page.locator('form [role="alert"]')).toContainText('This account has been closed');
  await page.goto(paths.dashboard);
  await expectPage(page, paths.signIn);
});

test('who is led to the sign-in page gets to where they wanted to go, and never to another site', async ({
  page,
}) => {
  const applicant = await register(page);
  await signOut(page);
  await page.goto(paths.dashboard);
  expect(new URL(page.url()).searchParams.get('next')).toBe(paths.dashboard);
  for (const next of [
    '//example.com/',
    'https://example.com/',
    '/\\example.com',
    '/%5Cexample.com/..//example.com',
  ]) {
    await open(page, `${paths.signIn}?next=${encodeURIComponent(next)}`);
    await page.locator('[name="email"]').fill(applicant.email);
    await page.locator('[name="password"]').fill(applicant.password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.waitForURL((url) => url.pathname !== paths.signIn);
    expect(new URL(page.url()).hostname).toBe('localhost');
    await page.goto(paths.dashboard);
    await signOut(page);
  }
});
