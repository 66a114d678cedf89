import { readFile } from 'node:fs/promises';
import { database } from '../support/database';
import { alertOf, button, field, open } from '../support/journeys';
import { newNumber } from '../support/people';
import { enterAs, makePerson } from '../support/staff';
import { expect, test } from '../support/test';

test('an admin exports the texts of some days, downloads them, and removes the file', async ({ page }) => {
  const phone = newNumber();
  const admin = await makePerson('admin');
  await database().query(
    `insert into sms_messages (id, user_id, phone, purpose, template, created_at, send_after, status)
     select gen_random_uuid(), $2, $1, 'update', 'applicationStatus', at, at, 'delivered'
     from generate_series(1, 3) n, lateral (select now() - n * interval '1 minute' as at) times`,
    [phone, admin.id],
  );
  await enterAs(page, admin);
  await open(page, '/admin');
  await page.getByRole('navigation', { name: 'Texts' }).getByRole('link', { name: 'Exports' }).click();
  await expect(page).toHaveURL(/\/admin\/exports$/);

  const today = await field(page, 'last').inputValue();
  await field(page, 'last').fill('2020-01-01');
  await button(page, 'Start export').click();
  await expect(alertOf(page)).toContainText('This day is before the first one');
  await field(page, 'last').fill(today);
  await field(page, 'wholeNumbers').check();
  await button(page, 'Start export').click();
  await expect(page.getByRole('status').or(alertOf(page)).first()).toContainText('The export has started');

  // Others export meanwhile.
  const own = page.getByRole('row').filter({ hasText: admin.name });
  await expect(async () => {
    await open(page, '/admin/exports');
    await expect(own.getByRole('link', { name: /^Download/ })).toBeVisible({ timeout: 500 });
  }).toPass();
  const downloading = page.waitForEvent('download');
  await own.getByRole('link', { name: /^Download/ }).click();
  const csv = await readFile(await (await downloading).path(), 'utf8');
  expect(csv.split('\r\n')[0]).toMatch(/^id,created_at,/);
  expect(csv.split('\r\n').filter((line) => line.includes(phone))).toHaveLength(3);

  await own.getByRole('button', { name: /^Remove/ }).click();
  await expect(page.getByText('The export was removed.')).toBeVisible();
});
