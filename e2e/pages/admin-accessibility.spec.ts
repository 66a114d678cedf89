import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright/test';
import { expectAccessible } from '../support/accessibility';
import { database } from '../support/database';
import { alertOf, awaitScript, button, open } from '../support/journeys';
import { readMailLink } from '../support/mails';
import { newNumber } from '../support/people';
import { enterAs, makePerson } from '../support/staff';
import { expect, test } from '../support/test';

// Colors that fade would be measured half way.
test.use({ contextOptions: { reducedMotion: 'reduce' } });

// Several pages, each looked at in light and in dark.
test.describe.configure({ timeout: 120_000 });

async function enterAsAdmin(page: Page): Promise<string> {
  const admin = await makePerson('admin');
  await enterAs(page, admin);
  return admin.password;
}

test('the pages about people are accessible, with all their forms open, and with errors', async ({
  page,
}) => {
  const { id } = await makePerson('staff');
  await enterAsAdmin(page);
  await open(page, '/admin/users');
  await expectAccessible(page);
  await open(page, `/admin/users/${id}`);
  for (const summary of ['Change the role', 'End all sessions', 'Unlock', 'Deactivate']) {
    await page.locator('summary', { hasText: new RegExp(`^${summary}$`) }).click();
  }
  await expectAccessible(page);
  await button(page, 'Deactivate the account').click();
  await expect(alertOf(page)).toBeVisible();
  await expectAccessible(page);
});

test('the overview of texts is accessible, with its tables open, in light and dark', async ({ page }) => {
  await enterAsAdmin(page);
  await open(page, '/admin');
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await expectAccessible(page);
  }
  const charts = page.locator('summary', { hasText: /^Charts/ });
  if (await charts.isVisible()) await charts.click();
  await page.locator('summary', { hasText: 'Dollars: table' }).click();
  await expectAccessible(page);
});

test('the charts of the overview are folded on a phone, and stand open on a wide screen with nothing to fold', async ({
  page,
}) => {
  await enterAsAdmin(page);
  await open(page, '/admin');
  const summary = page.locator('summary', { hasText: /^Charts/ });
  const title = page.locator('figcaption', { hasText: /^Dollars$/ });
  if (page.viewportSize()!.width < 544) {
    await expect(title).toBeHidden();
    await summary.focus();
    await page.keyboard.press('Enter');
  } else {
    await expect(summary).toBeHidden();
  }
  await expect(title).toBeVisible();
});

test('the page of exports is accessible, with a file and with an error', async ({ page }) => {
  await enterAsAdmin(page);
  await open(page, '/admin/exports');
  await button(page, 'Start export').click();
  await expect(page.getByText('The export has started.')).toBeVisible();
  await expectAccessible(page);
  await page.getByLabel('To', { exact: true }).fill('2020-01-01');
  await button(page, 'Start export').click();
  await expect(alertOf(page)).toBeVisible();
  await expectAccessible(page);
});

test('the page of evidence packs is accessible, with a pack and with an error', async ({ page }) => {
  await enterAsAdmin(page);
  await open(page, '/admin/packs');
  await page.getByLabel('Phone number').fill(newNumber());
  await button(page, 'Make pack').click();
  await expect(page.getByText('The pack has started.')).toBeVisible();
  await expectAccessible(page);
  await button(page, 'Make pack').click();
  await expect(alertOf(page)).toBeVisible();
  await expectAccessible(page);
});

test('the pages of alarms, of the sender and of limits are accessible, with an alarm open and one seen to', async ({
  page,
}) => {
  const admin = await makePerson('admin');
  for (const acknowledgedBy of [null, admin.id]) {
    await database().query(
      `insert into alarms (id, kind, subject, since, opened_at, last_seen_at, acknowledged_at, acknowledged_by, figures, last_figures)
       values ($1::uuid, 'slow_deliveries', $1::text, now(), now(), now(), case when $2::uuid is not null then now() end, $2,
         '{}', '{"delivered": 120, "slow": 31}')`,
      [randomUUID(), acknowledgedBy],
    );
  }
  await enterAs(page, admin);
  for (const path of ['/admin', '/admin/alarms', '/admin/sender', '/admin/limits']) {
    await open(page, path);
    if (!path.includes('sender') && !path.includes('limits')) {
      await expect(page.getByText('sees to it').first()).toBeVisible();
    }
    await expectAccessible(page);
  }
});

test('the page of pumping is accessible, with something closed, something blocked, and a form that is refused', async ({
  page,
}) => {
  const admin = await makePerson('admin');
  for (const kind of ['closed', 'blocked']) {
    await database().query(
      `insert into pumping_orders (id, kind, scope, begun_at, ends_at, ordered_by, reason, figures)
       select id, $1, 'prefix:+1998' || id, now(), now() + interval '1 hour', case when $1 = 'blocked' then $2::uuid end,
         case when $1 = 'blocked' then 'Robots.' end,
         case when $1 = 'closed' then '{"window": "hour", "unverified": 24, "threshold": 20, "networks": 12, "verified": 3}'::jsonb end
       from (select gen_random_uuid() as id) made`,
      [kind, admin.id],
    );
  }
  await enterAs(page, admin);
  await open(page, '/admin/pumping');
  await expect(page.getByText('Open it again').first()).toBeVisible();
  await expectAccessible(page);
  await page.locator('summary').filter({ hasText: 'Open it again' }).first().click();
  await button(page, 'Save').click();
  await expect(alertOf(page).first()).toBeVisible();
  await expectAccessible(page);
});

test('the pages of single texts are accessible', async ({ page }) => {
  const admin = await makePerson('admin');
  const ids = [randomUUID(), randomUUID()];
  await database().query(
    `insert into sms_messages (id, user_id, phone, purpose, template, created_at, send_after, status, reason, failed_at)
     values ($1, $3, '+15005550123', 'update', 'applicationStatus', now(), now(), 'failed', 'stopped', now()),
       ($2, $3, '+15005550123', 'update', 'applicationStatus', now(), now() + interval '1 hour', 'queued', null, null)`,
    [...ids, admin.id],
  );
  await enterAs(page, admin);
  for (const path of ids.map((id) => `/admin/messages/${id}`)) {
    await open(page, path);
    await expectAccessible(page);
  }
});

/** Someone of whose number everything is known. */
async function makeTexted(): Promise<{ id: string; phone: string }> {
  const { id } = await makePerson('staff');
  const phone = newNumber();
  await database().query('update users set phone = $2 where id = $1', [id, phone]);
  await database().query(
    `insert into phone_numbers (number, holder_user_id, held_since, prove_again_sends, undeliverable_at)
     values ($1, $2, now(), array_fill(now() - interval '9 minutes', array[3]), now())`,
    [phone, id],
  );
  await database().query(
    `insert into sms_consents (at, user_id, phone, scope, action, medium, wording_version, wording, sender)
     values (now(), $1, $2, 'verification', 'granted', 'registration', 'v-test', 'I agree.', 'Doorstep'),
       (now(), $1, $2, 'updates', 'withdrawn', 'preferences', null, null, 'Doorstep')`,
    [id, phone],
  );
  await database().query(
    `insert into sms_opt_outs (at, phone, act, channel, covers, recorded_by, words)
     values (now(), $1, 'opted_out', 'text', '{verification,updates}', 'inbound_webhook', 'STOP please')`,
    [phone],
  );
  await database().query(
    `insert into sms_messages (id, user_id, phone, purpose, template, created_at, send_after, status, reason, failed_at)
     values (gen_random_uuid(), $1, $2, 'update', 'applicationStatus', now(), now(), 'failed', 'stopped', now())`,
    [id, phone],
  );
  await database().query(
    `insert into sms_verification_log (at, event, phone, user_id, reason, times, last_at)
     values (now(), 'send_refused', $2, $1, 'send_limit', 3, now())`,
    [id, phone],
  );
  return { id, phone };
}

test('the page of a person’s texts is accessible, with all its rules open', async ({ page }) => {
  const { id } = await makeTexted();
  await enterAsAdmin(page);
  await open(page, `/admin/users/${id}/texts`);
  for (const summary of await page.locator('details:not([data-fold]) > summary').all()) await summary.click();
  await expectAccessible(page);
});

test('the page of a number is accessible, with its digits shown', async ({ page }) => {
  const { phone } = await makeTexted();
  await enterAsAdmin(page);
  await open(page, '/admin');
  await page.locator('#phone').fill(phone);
  await button(page, 'Open the page').click();
  await expect(page).toHaveURL(/\/admin\/phones\//);
  await awaitScript(page);
  await button(page, 'Reveal').click();
  await expect(page.locator('form [role="status"]')).toBeVisible();
  await page.locator('details:not([data-fold]) > summary').first().click();
  await expectAccessible(page);
});

for (const path of ['/admin/messages', '/admin/verifications']) {
  test(`${path} is accessible, with errors too`, async ({ page }) => {
    await enterAsAdmin(page);
    await open(page, path);
    await expectAccessible(page);
    await page.locator('#q').fill('12');
    await button(page, 'Search').click();
    await expect(alertOf(page)).toBeVisible();
    await expectAccessible(page);
  });
}

test('the page of opt-outs is accessible, with errors too', async ({ page }) => {
  await enterAsAdmin(page);
  await open(page, '/staff/opt-outs');
  await expectAccessible(page);
  await button(page, 'Stop texts to this number').click();
  await expect(alertOf(page)).toBeVisible();
  await expectAccessible(page);
});

test('the pages of applications are accessible, with errors too', async ({ page }) => {
  await enterAsAdmin(page);
  await open(page, '/staff/applications/new');
  await button(page, 'Open the application').click();
  await expect(alertOf(page)).toBeVisible();
  await expectAccessible(page);
  await page.locator('#name').fill('Pat Paper');
  await page.locator('#title').fill('A flat');
  await page.locator('#message').fill('By letter.');
  await button(page, 'Open the application').click();
  await expect(page.locator('[data-application-status="submitted"]')).toBeVisible();
  await expectAccessible(page);
  // A phone folds the moves.
  for (const fold of await page.locator('main details[data-fold]').all()) {
    const isFolded = (await fold.getAttribute('open')) === null;
    const summary = fold.locator('> summary');
    if (isFolded && (await summary.isVisible())) await summary.click();
  }
  await expectAccessible(page);
  await button(page, 'Ask for documents').click();
  await expect(alertOf(page)).toBeVisible();
  await expectAccessible(page);
  const move = page.locator('summary:visible', { hasText: 'Move to In review' });
  if (await move.isVisible()) await move.click();
  await button(page, 'Move to In review').click();
  await expect(button(page, 'Undo')).toBeVisible();
  await expectAccessible(page);
  await open(page, '/staff/applications');
  await page.locator('#undoSeconds').fill('5');
  await button(page, 'Save').click();
  await expect(alertOf(page)).toBeVisible();
  await expectAccessible(page);
});

test('inviting and being invited are accessible, with errors too', async ({ page, openBrowser }) => {
  await enterAsAdmin(page);
  await open(page, '/admin/users/invite');
  await button(page, 'Send the invitation').click();
  await expect(alertOf(page)).toBeVisible();
  await expectAccessible(page);
  const email = `${randomUUID()}@example.com`;
  await page.locator('#email').fill(email);
  await page.locator('#name').fill('Nora New');
  await page.locator('#role').selectOption('staff');
  await page.locator('#reason').fill('Joins.');
  await button(page, 'Send the invitation').click();
  await expect(page.getByText('The invitation is on its way.')).toBeVisible();
  await expectAccessible(page);
  const theirs = await (await openBrowser()).newPage();
  await open(theirs, await readMailLink(theirs, { to: email, subject: /You are invited/ }));
  await expectAccessible(theirs);
  await open(theirs, '/users/invite?link=x');
  await expectAccessible(theirs);
});
