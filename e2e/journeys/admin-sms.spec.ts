import { database } from '../support/database';
import { alertOf, awaitScript, button, field, open } from '../support/journeys';
import { newNumber, writeNationally } from '../support/people';
import { enterAs, makePerson } from '../support/staff';
import { expect, test } from '../support/test';

test('an admin finds the texts and attempts of one number, leafs through them, and no address holds it', async ({
  page,
}) => {
  const phone = newNumber();
  const admin = await makePerson('admin');
  // They are someone's: a text that is nobody's any more loses its number within the minute.
  await database().query(
    `insert into sms_messages (id, user_id, phone, purpose, template, created_at, send_after, status, reason)
     select gen_random_uuid(), $2, $1, 'update', 'applicationStatus', at, at,
       case when n <= 30 then 'delivered' else 'failed' end, case when n > 30 then 'handset_unreachable' end
     from generate_series(1, 33) n, lateral (select now() - n * interval '1 day' as at) times`,
    [phone, admin.id],
  );
  await database().query(
    `insert into sms_verification_log (at, event, phone) values (now(), 'wrong_code', $1), (now(), 'verified', $1)`,
    [phone],
  );
  await enterAs(page, admin);
  await open(page, '/admin/sms');

  const texts = page.getByRole('region', { name: 'Texts', exact: true });
  const attempts = page.getByRole('region', { name: 'Verification attempts' });
  const rows = (list: typeof texts) => list.locator('tbody tr');

  await field(page, 'number').fill('12');
  await button(page, 'Filter').click();
  await expect(alertOf(page)).toContainText('Enter four digits at least');
  await expect(field(page, 'number')).toHaveValue('12');

  await field(page, 'number').fill(writeNationally(phone));
  await button(page, 'Filter').click();
  await expect(page).toHaveURL(/[?&]number=n\./);
  await awaitScript(page);
  expect(page.url()).not.toContain(phone.slice(-7));
  const masked = `•••${phone.slice(-4)}`;
  await expect(field(page, 'number')).toHaveValue(masked);
  await expect(alertOf(page)).toHaveCount(0);
  await expect(rows(texts)).toHaveCount(25);
  await expect(rows(attempts)).toHaveCount(2);
  await expect(texts.getByText(masked)).toHaveCount(25);
  expect(await page.content()).not.toContain(phone.slice(-7));

  await texts.getByRole('link', { name: 'Older' }).click();
  await expect(rows(texts)).toHaveCount(8);
  await expect(rows(attempts)).toHaveCount(2);
  await texts.getByRole('link', { name: 'Newest' }).click();
  await expect(rows(texts)).toHaveCount(25);
  await awaitScript(page);

  await field(page, 'status').selectOption('failed');
  await field(page, 'attempts').selectOption('failures');
  await button(page, 'Filter').click();
  await expect(rows(texts)).toHaveCount(3);
  await expect(texts).toContainText('handset unreachable');
  await expect(rows(attempts)).toHaveCount(1);
  await expect(field(page, 'number')).toHaveValue(masked);
  await expect(field(page, 'status')).toHaveValue('failed');

  await page.getByRole('link', { name: 'Show all' }).click();
  await expect(page).toHaveURL(/\/admin\/sms(#filter)?$/);
  await expect(field(page, 'number')).toHaveValue('');
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
});
