import { readRows } from '../support/database';
import { button, enterCode, expectPage, field, open, paths, register } from '../support/journeys';
import { newNumber, writeNationally } from '../support/people';
import { enterAs, makePerson } from '../support/staff';
import { expect, test } from '../support/test';
import { readCode } from '../support/texts';

test("a broker's number stays when someone else proves it: all are told, and an admin releases it", async ({
  page,
  openBrowser,
}) => {
  const phone = newNumber();
  const broker = await makePerson('broker');
  await readRows(`update users set phone = $1 where email = $2`, [phone, broker.email]);
  await readRows(
    `insert into phone_numbers (number, holder_user_id, held_since)
     select phone, id, now() from users where email = $1`,
    [broker.email],
  );

  const applicant = await register(page, { phone, verify: true });
  await enterCode(page, await readCode(phone));
  await expectPage(page, paths.dashboard);
  await expect(page.getByText('Your code was right, but the number was not added')).toBeVisible();
  await expect(page.locator('[data-phone-state]')).toHaveAttribute('data-phone-state', 'none');

  await open(page, '/users/security');
  await expect(page.getByText('Code was right, number not added')).toBeVisible();
  await expect(page.getByText('Phone verified')).toHaveCount(0);

  const brokerPage = await (await openBrowser()).newPage();
  await enterAs(brokerPage, broker);
  await expect(brokerPage.getByText('Someone else received a code at your number')).toBeVisible();
  await expect(brokerPage.locator('[data-phone-state]')).toHaveAttribute('data-phone-state', 'verified');

  const admin = await makePerson('admin');
  const adminPage = await (await openBrowser()).newPage();
  await enterAs(adminPage, admin);
  await open(adminPage, '/admin/verifications');
  await expect(adminPage.getByText('Code was right, number not added').first()).toBeVisible();
  await open(adminPage, paths.dashboard);
  await adminPage.getByRole('link', { name: 'Keep or release' }).click();
  await expectPage(adminPage, '/admin/numbers');
  const card = adminPage.getByRole('region', { name: `The number of ${broker.name}` });
  await expect(card).toContainText(`${applicant.name}, ${applicant.email}`);
  await expect(card).toContainText(`•••${phone.slice(-4)}`);
  expect((await adminPage.content()).replace(/\D/g, '')).not.toContain(phone.slice(2));
  await card.getByText('Release this number').click();
  const showFactor = (ago: string) =>
    readRows(`update sessions set second_factor_at = now() - $2::interval where user_id = $1`, [
      admin.id,
      ago,
    ]);
  await showFactor('11 minutes');
  await button(card, 'Release the number').click();
  await expect(card.getByRole('alert')).toContainText('more than ten minutes');
  await showFactor('1 minute');
  await button(card, 'Release the number').click();
  await expect(adminPage.getByText('The number was released.')).toBeVisible();
  await expect(card).toHaveCount(0);

  await open(brokerPage, paths.dashboard);
  await expect(brokerPage.locator('[data-phone-state]')).toHaveAttribute('data-phone-state', 'moved');

  await open(page, paths.code);
  await field(page, 'phone').fill(writeNationally(phone));
  await field(page, 'tcpaConsent').check();
  await button(page, 'Send the code to this number').click();
  await expect(field(page, 'code')).toBeVisible();
  await enterCode(page, await readCode(phone, 2));
  await expectPage(page, paths.dashboard);
  await expect(page.locator('[data-phone-state]')).toHaveAttribute('data-phone-state', 'verified');
});
