import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright/test';
import { readRows } from '../support/database';
import { button, expectPage, field, open, paths, register } from '../support/journeys';
import { newNumber } from '../support/people';
import { enterAs, makePerson } from '../support/staff';
import { expect, test } from '../support/test';

const here = '/admin/pumping';

/** A range that the guard closed a while ago, and that nobody else has. */
async function writeClosure(): Promise<{ id: string; range: string }> {
  const id = randomUUID();
  const range = `+1999${String(Math.floor(Math.random() * 1_000_000)).padStart(6, '0')}`;
  await readRows(
    `insert into pumping_orders (id, kind, scope, begun_at, ends_at, figures)
     values ($1, 'closed', 'prefix:' || $2, now() - interval '10 minutes', now() + interval '50 minutes',
       '{"window": "day", "unverified": 24, "threshold": 20, "networks": 12, "verified": 3}')`,
    [id, range],
  );
  return { id, range };
}

test('an admin sees what is closed and why, whom it caught, and opens it again', async ({ page }) => {
  const { id, range } = await writeClosure();
  const caught = await makePerson('applicant');
  await readRows(
    'insert into pumping_hits (order_id, user_id, at, verified_at) values ($1, $2, now(), now())',
    [id, caught.id],
  );
  const admin = await makePerson('admin');
  await enterAs(page, admin);
  await open(page, here);
  const row = page.getByRole('row').filter({ hasText: range });
  await expect(row).toContainText('would be closed');
  await expect(row).toContainText('By the guard: in 24 hours, 24 codes were not entered; it closes at 20.');
  await expect(row).toContainText('1 person. 1 of them entered a code later.');
  await row.locator('summary').click();
  await field(row, 'reason').fill('A school.');
  await button(row, 'Open again').click();
  await expect(page.getByText('Ended. It has no effect any more.')).toBeVisible();
  const past = page
    .getByRole('table', { name: 'The last 30 days' })
    .getByRole('row')
    .filter({ hasText: range });
  await expect(past).toContainText(`Ended by ${admin.name}: A school.`);
  const rows = await readRows<{ actor_id: string }>(
    `select actor_id from audit_log where action = 'pumping_order_ended' and details ->> 'order' = $1`,
    [id],
  );
  expect(rows).toEqual([{ actor_id: admin.id }]);
});

/** Blocks one number for two days, as an admin does. */
async function blockNumber(page: Page, phone: string, why: string): Promise<void> {
  await field(page, 'phone').fill(phone);
  await field(page, 'about').selectOption('number');
  await field(page, 'kind').selectOption('blocked');
  await field(page, 'days').fill('2');
  const form = page.locator('form').filter({ has: page.locator('[name=days]') });
  await field(form, 'reason').fill(why);
  await button(form, 'Save').click();
  await expect(page.getByText('Saved. Codes to new numbers do not go there from now on.')).toBeVisible();
}

test('an admin blocks one number, whose end and reason stand there, and no digit but the last four', async ({
  page,
}) => {
  const phone = newNumber();
  const why = `Robots ${randomUUID().slice(0, 8)}`;
  await enterAs(page, await makePerson('admin'));
  await open(page, here);
  await button(page, 'Save').click();
  await expect(page.getByText('Choose what it is for.').first()).toBeVisible();
  await blockNumber(page, phone, why);
  const row = page.getByRole('row').filter({ hasText: why });
  await expect(row).toContainText(`The number ••• ${phone.slice(-4)}: blocked`);
  expect(await page.content()).not.toContain(phone.slice(2, -4));
});

test('who registers a number that is blocked reads why no code came, is not charged, and goes on inside', async ({
  page,
  openBrowser,
}) => {
  const phone = newNumber();
  const adminPage = await (await openBrowser()).newPage();
  await enterAs(adminPage, await makePerson('admin'));
  await open(adminPage, here);
  const reason = `Robots ${randomUUID().slice(0, 8)}`;
  await blockNumber(adminPage, phone, reason);

  await register(page, { phone, verify: true });
  await expectPage(page, paths.code);
  const why = page.getByText('We cannot text new numbers in this range right now, so no code was sent');
  await expect(why).toBeVisible();
  await page.reload();
  await expect(why).toBeVisible();
  expect(await readRows('select from sms_messages where phone = $1', [phone])).toEqual([]);
  await button(page, 'Continue without verifying').click();
  await expectPage(page, paths.dashboard);
  await expect(page.locator('[data-phone-state]')).toHaveAttribute('data-phone-state', 'unverified');

  await adminPage.reload();
  const caught = adminPage.getByRole('row').filter({ hasText: reason });
  await expect(caught).toContainText(`The number ••• ${phone.slice(-4)}: blocked`);
  await expect(caught).toContainText('1 person.');
});
