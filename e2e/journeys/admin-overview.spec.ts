import { readFileSync } from 'node:fs';
import { readRows } from '../support/database';
import { button, field, open } from '../support/journeys';
import { enterAs, makePerson } from '../support/staff';
import { expect, test } from '../support/test';

test('an admin sees how sending is, what some days cost and what became of texts, and takes a table along', async ({
  page,
}) => {
  const admin = await makePerson('admin');
  // A month of them; what other tests send comes on top.
  await readRows(
    `insert into sms_messages (id, user_id, phone, purpose, template, created_at, send_after, status, sent_at, delivered_at,
       segments, price, estimated_price, reserved_at, price_settled_at, reason)
     select gen_random_uuid(), $1, '+1415' || (2000000 + n), 'update', 'applicationStatus', at, at,
       case when n % 10 = 0 then 'failed' else 'delivered' end, at, case when n % 10 > 0 then at + interval '4 seconds' end, 1,
       0.0083, 0.0079, at, at, case when n % 10 = 0 then 'handset_unreachable' end
     from generate_series(1, 300) n, lateral (select now() - n * interval '140 minutes' as at) times`,
    [admin.id],
  );
  // Days that are over may be summed up already, without them.
  await readRows('delete from rolled_days');
  await enterAs(page, admin);
  await open(page, '/admin');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Texts: overview');
  const figure = (id: string) => page.locator(`[data-figure="${id}"]`);
  await expect(figure('budget')).toContainText('of $1,000.00');
  await expect(figure('oldest-due')).toContainText('Oldest text that is due');
  const attack = page.getByRole('region', { name: 'Are we under attack?' });
  await expect(attack.getByRole('heading', { level: 2 })).toHaveText('Are we under attack?');
  await expect(attack.locator('[data-figure="attack-asked"]')).toContainText('usual at this hour');
  await expect(attack.locator('[data-figure]')).toHaveCount(6);
  await expect(page.getByRole('heading', { level: 2, name: /^\w+ \d+(, \d+)? to / })).toBeVisible();

  await page.getByRole('link', { name: '30 days' }).click();
  await expect(page).toHaveURL(/days=30/);
  await expect(page.getByRole('link', { name: '30 days' })).toHaveAttribute('aria-current', 'true');
  await expect(figure('spend')).toContainText('settled');
  await expect(page.getByRole('img', { name: /^Dollars spent/ })).toBeVisible();
  await expect(page.getByRole('img', { name: /^Texts by what became of them/ })).toBeVisible();
  const byArea = page.getByRole('region', { name: 'By area code' });
  await expect(byArea.getByRole('row').filter({ hasText: '+1 415' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Errors and reasons' })).toContainText('handset unreachable');

  const download = page.waitForEvent('download');
  await byArea.getByRole('link', { name: /CSV/ }).click();
  const file = await download;
  expect(file.suggestedFilename()).toMatch(/^area-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv$/);
  const lines = readFileSync(await file.path(), 'utf8').split('\r\n');
  expect(lines[0]).toBe('Area,Texts,Sent,Delivered,Failed,Dollars');
  // A plus sign before digits alone is no formula.
  expect(lines.find((line) => line.includes('415'))).toMatch(/^\+1 415,\d+,\d+,\d+,\d+,\d+\.\d{6}$/);

  await page.getByRole('link', { name: 'Yesterday' }).click();
  await expect(page).toHaveURL(/days=yesterday/);
  await expect(page.getByRole('link', { name: 'Yesterday' })).toHaveAttribute('aria-current', 'true');
  await expect(figure('spend')).toContainText('the day before: ');

  const day = new Date(Date.now() - 5 * 24 * 3_600_000).toISOString().slice(0, 10);
  await field(page, 'first').fill(day);
  await field(page, 'last').fill(day);
  await button(page, 'Show these days').click();
  await expect(page).toHaveURL(new RegExp(`first=${day}&last=${day}`));
  await expect(page.getByRole('img', { name: /^How long texts took/ })).toBeVisible();
  await expect(figure('p50')).toContainText('s');
});

test('days that make no sense are put right, and nobody else sees any of it', async ({ page, faults }) => {
  faults.expect(/status of 403/);
  const admin = await makePerson('admin');
  await enterAs(page, admin);
  await open(page, '/admin?first=2199-01-01&last=2020-01-01&days=x');
  await expect(page.getByRole('heading', { level: 2, name: /^\w+ \d+(, \d+)? to / })).toBeVisible();
  expect((await page.request.get('/admin/report.csv?table=nothing')).status()).toBe(404);
  await page.context().clearCookies();
  const staff = await makePerson('staff');
  await enterAs(page, staff);
  expect((await page.goto('/admin'))!.status()).toBe(403);
  expect((await page.request.get('/admin/report.csv?table=spend')).status()).toBe(403);
});
