import { randomUUID } from 'node:crypto';
import { database } from '../support/database';
import { open } from '../support/journeys';
import { newNumber } from '../support/people';
import { giveApplication, makeTexted } from '../support/staff-applications';
import { enterAs, makePerson } from '../support/staff';
import { expect, test } from '../support/test';

test('every part of a page for admins has a heading, besides its search', async ({ page }) => {
  await enterAs(page, await makePerson('admin'));
  for (const path of [
    '',
    '/alarms',
    '/messages',
    '/verifications',
    '/sender',
    '/limits',
    '/pumping',
    '/exports',
    '/users',
    '/users/second-factor',
  ]) {
    await open(page, `/admin${path}`);
    const bare = page.locator('main section:not([aria-label="Search"])').filter({
      hasNot: page.getByRole('heading', { level: 2, includeHidden: true }),
    });
    await expect(page.locator('main section').first()).toBeVisible();
    expect(await bare.evaluateAll((parts) => parts.map((part) => part.ariaLabel)), path).toEqual([]);
  }
});

test('the title of a page says which person, number, text or application it is of, and nothing about them', async ({
  page,
}) => {
  const person = await makeTexted(`Tilda ${randomUUID().slice(0, 8)}`);
  const [phone, messageId] = [newNumber(), randomUUID()];
  await database().query(
    `insert into sms_messages (id, user_id, phone, purpose, template, created_at, send_after, status)
     values ($1, $2, $3, 'update', 'applicationStatus', now(), now(), 'delivered')`,
    [messageId, person.id, phone],
  );
  const application = await giveApplication({ of: person, title: `Flat ${randomUUID().slice(0, 8)}` });
  await enterAs(page, await makePerson('admin'));
  const heading = page.getByRole('heading', { level: 1 });
  for (const [path, title] of [
    [`/admin/users/${person.id}`, `Person ${person.id.slice(-6)}`],
    [`/admin/users/${person.id}/texts`, `Texts of person ${person.id.slice(-6)}`],
    [`/staff/applications/${application}`, `Application ${application.slice(-6)}`],
  ] as const) {
    await open(page, path);
    await expect(page).toHaveTitle(`${title} · Doorstep`);
  }
  await open(page, `/admin/messages/${messageId}`);
  await expect(page).toHaveTitle(`${await heading.textContent()} · Doorstep`);
  await page.getByRole('link', { name: `•••${phone.slice(-4)}` }).click();
  await expect(heading).toHaveText(`•••${phone.slice(-4)}`);
  await expect(page).toHaveTitle(`Number •••${phone.slice(-4)} · Doorstep`);
});
