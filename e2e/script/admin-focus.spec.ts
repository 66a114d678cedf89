import { randomUUID } from 'node:crypto';
import { readRows } from '../support/database';
import { alertOf, button, field, open, paths } from '../support/journeys';
import { newNumber, writeNationally } from '../support/people';
import { giveAuthenticator } from '../support/passkeys';
import { registerVerified } from '../support/settings';
import { enterAs, makePerson, twoFactorPaths } from '../support/staff';
import { giveApplication } from '../support/staff-applications';
import { expect, test } from '../support/test';

test('after an alarm is acknowledged and the form is gone, the focus is on what became of it', async ({
  page,
}) => {
  const [id, subject] = [randomUUID(), randomUUID()];
  await readRows(
    `insert into alarms (id, kind, subject, since, opened_at, last_seen_at, figures, last_figures)
     values ($1, 'slow_deliveries', $2, now(), now(), now(), '{}', '{"delivered": 120, "slow": 31}')`,
    [id, subject],
  );
  await enterAs(page, await makePerson('admin'));
  for (const path of ['/admin', '/admin/alarms']) {
    await readRows('update alarms set acknowledged_at = null, acknowledged_by = null where id = $1', [id]);
    await open(page, path);
    const alarm = page.locator('[data-alarm="slow_deliveries"]').filter({ hasText: subject });
    await button(page.locator(`[data-alarm]`, { hasText: subject }), 'Acknowledge').click();
    await expect(alarm).toContainText('sees to it');
    await expect(page.locator(':focus')).toContainText('You see to it now.');
  }
  await readRows('update alarms set ended_at = now() where id = $1', [id]);
});

for (const [path, typed] of [
  ['/admin/messages', writeNationally(newNumber())],
  ['/admin/verifications', writeNationally(newNumber())],
  ['/admin/users', `Nobody ${randomUUID()}`],
  ['/staff/applications', `Nobody ${randomUUID()}`],
] as const) {
  test(`a search of ${path} puts the focus on what was found`, async ({ page }) => {
    await enterAs(page, await makePerson('admin'));
    await open(page, path);
    await field(page, 'q').fill(typed);
    await field(page, 'q').press('Enter');
    await expect(page.getByRole('group', { name: 'What was found' })).toBeFocused();
  });
}

test('the start of an export keeps the focus while the page is read again, and its end is announced', async ({
  page,
}) => {
  const admin = await makePerson('admin');
  await enterAs(page, admin);
  await open(page, '/admin/exports');
  await button(page, 'Start export').click();
  await expect(page.locator(':focus')).toContainText('The export has started.');
  const own = page.getByRole('row').filter({ hasText: admin.name });
  await expect(own.getByRole('link', { name: /^Download/ })).toBeVisible({ timeout: 30_000 });
  await expect(
    page.getByRole('status').filter({ hasText: /^The newest file, Texts: [\d,]+ rows?/ }),
  ).toBeVisible({
    timeout: 30_000,
  });
  await expect(page.locator(':focus')).toContainText('The export has started.');
});

test('a passkey that is offered is on the page from the start, and declined it leaves the focus on words about it', async ({
  page,
}) => {
  await giveAuthenticator(page);
  await registerVerified(page);
  await open(page, paths.dashboard);
  // Before any script ran: nothing below it moves later.
  expect(await (await page.request.get(paths.dashboard)).text()).toContain(
    'Next time, sign in without a password',
  );
  await button(page, 'Not now').click();
  await expect(page.locator(':focus')).toContainText('No passkey was added.');
});

test('what was saved is not said any more above an error of another form', async ({ page }) => {
  await enterAs(page, await makePerson('staff'));
  await open(page, '/users/profile');
  await field(page, 'name').fill('Robin Renamed');
  await button(page, 'Save name').click();
  const saved = page.getByText('Your name has been saved.');
  await expect(saved).toBeVisible();
  await field(page, 'name').fill('');
  await button(page, 'Save name').click();
  await expect(alertOf(page)).toBeVisible();
  await expect(saved).toBeHidden();
  await field(page, 'name').fill('Robin Again');
  await button(page, 'Save name').click();
  await expect(saved).toBeVisible();
  await expect(page.locator(':focus')).toContainText('Your name has been saved.');
});

test('the key of an authenticator app is whole on the screen once it is there', async ({ page }) => {
  await enterAs(page, await makePerson('staff'));
  await open(page, twoFactorPaths.factors);
  await button(page, 'Set up another authenticator app').click();
  await expect(page.getByText('Your key is below.')).toBeVisible();
  await expect(page.getByRole('img', { name: /^QR code/ })).toBeInViewport({ ratio: 1 });
});

test('when the time to undo a move ends, the focus stays where the button was, and nothing below it moves', async ({
  page,
}) => {
  const staff = await makePerson('staff', { name: `Stan ${randomUUID()}` });
  const id = await giveApplication({ of: null, to: staff, title: `Flat ${randomUUID()}` });
  await enterAs(page, staff);
  await open(page, `/staff/applications/${id}`);
  await button(page, 'Move to In review').click();
  await button(page, 'Undo').focus();
  const below = page.getByRole('heading', { name: 'Where it is' });
  const topOf = () => below.evaluate((element) => element.getBoundingClientRect().top);
  const top = await topOf();
  await expect(button(page, 'Undo')).toHaveCount(0);
  await expect(page.locator(':focus')).toHaveText('The time to undo it is over.');
  // The page is read once more some seconds later, and says how the applicant hears.
  await page.waitForResponse((response) => response.url().includes('_rsc'));
  await expect(page.locator('[data-notification-status]').first()).toBeVisible();
  await expect(page.locator(':focus')).toHaveText('The time to undo it is over.');
  expect(Math.abs((await topOf()) - top)).toBeLessThan(2);
});
