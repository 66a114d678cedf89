import { findFreePort } from '../../scripts/postgres/server';
import { readRows } from '../support/database';
import { button, field, open, paths, register } from '../support/journeys';
import { newNumber } from '../support/people';
import { announceRun, readRun } from '../support/run';
import { formWith, settingsPaths } from '../support/settings';
import { startApp } from '../support/start-app';
import { expect, test as base } from '../support/test';

const url = 'http://localhost:4000/apply';
const label = 'Go on to your application';

/** The production build once more, on the same database, as an operator runs it whose applications are on another site. */
const test = base.extend<object, { elsewhere: string }>({
  elsewhere: [
    async ({}, use) => {
      const port = await findFreePort();
      const appUrl = `http://localhost:${port}`;
      const { databaseUrl } = readRun();
      const variables = { NEXT_STEP_URL: url, NEXT_STEP_LABEL: label };
      const app = await startApp('next-step.log', { port, appUrl, databaseUrl, variables });
      announceRun({ appUrl, databaseUrl, serverLog: app.serverLog });
      await use(appUrl);
      await app.stop();
    },
    { scope: 'worker', timeout: 60_000 },
  ],
  baseURL: async ({ elsewhere }, use) => use(elsewhere),
});

test('where people apply on another site, dashboard and list lead there, and nobody starts an application here', async ({
  page,
  faults,
}) => {
  faults.expect(/status of 404/);
  const { email } = await register(page, { phone: newNumber() });
  const link = page.getByRole('link', { name: label });
  await expect(link).toHaveAttribute('href', url);
  await expect(page.getByText('Start an application')).toHaveCount(0);
  await expect(page.getByRole('navigation', { name: 'Main' }).getByRole('link')).toHaveText([
    'Dashboard',
    'Text preferences',
    'Profile',
    'Security',
  ]);
  await open(page, '/applications');
  await expect(link).toHaveAttribute('href', url);
  expect((await page.goto('/applications/new'))!.status()).toBe(404);

  // What was begun here before goes on.
  await readRows(
    `insert into applications (id, applicant_id, title, message, status, created_at, moved_at)
     select gen_random_uuid(), id, 'An earlier home', 'Please.', 'draft', now(), now() from users where email = $1`,
    [email],
  );
  await open(page, paths.dashboard);
  await expect(link).toHaveAttribute('href', url);
  await page.getByRole('listitem').getByRole('link', { name: 'An earlier home' }).click();
  await button(page, 'Submit application').click();
  await expect(page.locator('[data-application-status="submitted"]')).toBeVisible();

  await open(page, settingsPaths.preferences);
  await expect(field(page, 'applicationStatus')).toHaveCount(0);
  await expect(field(page, 'reminders')).toHaveCount(0);
  await field(page, 'security').uncheck();
  await button(page, 'Save text updates').click();
  await expect(formWith(page, 'Save text updates')).toContainText('Saved');
  const [row] = await readRows<{ kinds: boolean[] }>(
    `select array[application_status, reminders, security] as kinds from sms_preferences p join users on users.id = p.user_id
     where email = $1`,
    [email],
  );
  expect(row!.kinds).toEqual([true, true, false]);
});
