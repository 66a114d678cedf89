import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { database } from '../support/database';
import { alertOf, button, field, open } from '../support/journeys';
import { newNumber } from '../support/people';
import { enterAs, makePerson } from '../support/staff';
import { expect, test } from '../support/test';

test('an admin makes a pack of a person, downloads it, and it is found to be genuine', async ({ page }) => {
  const phone = newNumber();
  const [admin, person] = [await makePerson('admin'), await makePerson('applicant')];
  await database().query(
    `insert into sms_messages (id, user_id, phone, purpose, template, created_at, send_after, status)
     select gen_random_uuid(), $2, $1, 'update', 'applicationStatus', at, at, 'delivered'
     from generate_series(1, 3) n, lateral (select now() - n * interval '1 minute' as at) times`,
    [phone, person.id],
  );
  await enterAs(page, admin);
  await open(page, `/admin/users/${person.id}`);
  await page.getByRole('link', { name: 'Make an evidence pack' }).click();
  await expect(page).toHaveURL(/\/admin\/packs\?person=/);
  await expect(page.getByText(`About ${person.name}.`)).toBeVisible();

  const today = await field(page, 'last').inputValue();
  await field(page, 'last').fill('2020-01-01');
  await button(page, 'Make pack').click();
  await expect(alertOf(page)).toContainText('This day is before the first one');
  await expect(field(page, 'last')).toHaveAttribute('aria-invalid', 'true');
  // Without a script this is a new page, which may still be moving while it comes in.
  await page.waitForLoadState();
  await field(page, 'last').fill(today);
  await button(page, 'Make pack').click();
  await expect(page.getByRole('status').or(alertOf(page)).first()).toContainText('The pack has started');

  // Others make some meanwhile.
  const own = page.getByRole('row').filter({ hasText: admin.name });
  await expect(async () => {
    await open(page, '/admin/packs');
    await expect(own.getByRole('link', { name: /^Download/ })).toBeVisible({ timeout: 500 });
  }).toPass();
  const downloading = page.waitForEvent('download');
  await own.getByRole('link', { name: /^Download/ }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toMatch(/^doorstep-evidence-.*\.zip$/);
  const key = /--key ([0-9a-f]{64})/.exec(await page.locator('main').innerText())![1]!;
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...['--import', 'tsx', 'scripts/commands/verify-pack.ts', await download.path(), '--key', key],
  ]);
  expect(stdout).toContain('is genuine.');
  expect(stdout).toContain(person.name);

  await own.getByRole('button', { name: /^Remove/ }).click();
  await expect(page.getByText('The pack was removed.')).toBeVisible();
});

test('a deleted account is looked for by its number, and a number that is none is said beside its field', async ({
  page,
}) => {
  const admin = await makePerson('admin');
  await enterAs(page, admin);
  await open(page, '/admin');
  await page.getByRole('navigation', { name: 'Texts' }).getByRole('link', { name: 'Evidence' }).click();
  await field(page, 'phone').fill('555');
  await button(page, 'Make pack').click();
  await expect(alertOf(page)).toContainText('Enter all of a number');
  await expect(field(page, 'phone')).toHaveAttribute('aria-invalid', 'true');
  await field(page, 'phone').fill(newNumber());
  await button(page, 'Make pack').click();
  await expect(page.getByRole('status').or(alertOf(page)).first()).toContainText('The pack has started');
  await page.getByRole('row').filter({ hasText: admin.name }).getByRole('button').click();
  await expect(page.getByText('The pack was removed.')).toBeVisible();

  await open(page, '/admin/packs?person=nobody');
  await expect(page.getByText('There is no such account or number.')).toBeVisible();
});
