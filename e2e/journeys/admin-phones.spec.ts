import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright/test';
import { database, readRows } from '../support/database';
import { alertOf, awaitScript, button, field, open } from '../support/journeys';
import { newNumber, writeNationally } from '../support/people';
import { enterAs, makePerson, type MadePerson } from '../support/staff';
import { expect, test } from '../support/test';

const revealed = (page: Page) => page.locator('form [role="status"]');

/** Someone who holds a number, agreed to codes alone, and got a text lately. */
async function makeHolder(): Promise<{ person: MadePerson; phone: string; messageId: string }> {
  const person = await makePerson('applicant', { name: `Holly ${randomUUID().slice(0, 8)}` });
  const [phone, messageId] = [newNumber(), randomUUID()];
  await database().query('update users set phone = $2 where id = $1', [person.id, phone]);
  await database().query(
    `insert into phone_numbers (number, holder_user_id, held_since, prove_again_sends)
     values ($1, $2, now() - interval '1 day', array[now() - interval '30 minutes'])`,
    [phone, person.id],
  );
  await database().query(
    `insert into sms_consents (at, user_id, phone, scope, action, medium, wording_version, wording, sender, page)
     values (now(), $1, $2, 'verification', 'granted', 'registration', 'v-test', 'I agree to get codes by text.', 'Doorstep',
       '/users/register/applicant')`,
    [person.id, phone],
  );
  await database().query(
    `insert into sms_opt_outs (at, phone, act, channel, covers, user_id, recorded_by, words)
     values (now(), $2, 'opted_out', 'web', '{updates}', $1, 'person', null)`,
    [person.id, phone],
  );
  await database().query(
    `insert into sms_messages (id, user_id, phone, purpose, template, created_at, send_after, status)
     values ($3, $1, $2, 'update', 'applicationStatus', now(), now(), 'delivered')`,
    [person.id, phone, messageId],
  );
  await database().query(
    `insert into sms_verification_log (at, event, phone, user_id) values (now(), 'wrong_code', $2, $1)`,
    [person.id, phone],
  );
  return { person, phone, messageId };
}

test('an admin opens the page of a number from any spelling, and sees the whole of it only by a fresh second factor', async ({
  page,
}) => {
  const { person, phone, messageId } = await makeHolder();
  const admin = await makePerson('admin');
  await enterAs(page, admin);
  await open(page, '/admin');
  await field(page, 'phone').fill(phone.slice(-5));
  await button(page, 'Open the page').click();
  await expect(alertOf(page)).toContainText('part of a number');
  await field(page, 'phone').fill(writeNationally(phone));
  await button(page, 'Open the page').click();
  await expect(page).toHaveURL(/\/admin\/phones\/[\w-]+$/);
  const masked = `•••${phone.slice(-4)}`;
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(masked);
  expect(page.url()).not.toContain(phone.slice(-4));
  await awaitScript(page);

  const card = (title: string) =>
    page.locator('section', { has: page.getByRole('heading', { name: title }) });
  await expect(page.locator('section', { hasText: 'Holder' }).first()).toContainText(person.name);
  await expect(card('What keeps the next code back?')).toContainText('Goes out');
  await expect(card('Limits').locator('dl > div', { hasText: 'To its holder' })).toContainText(
    '2 more can be sent, 15 more wrong ones can be entered',
  );
  await expect(card('Newest texts').getByRole('link')).toHaveAttribute(
    'href',
    `/admin/messages/${messageId}`,
  );
  await expect(card('Consents')).toContainText('Agreed to codes');
  await expect(card('Opt-outs')).toContainText('Opted out of updates');
  await expect(card('Verification attempts')).toContainText('Wrong code');
  expect(await page.content()).not.toContain(phone.slice(-7));

  await database().query(
    `update sessions set second_factor_at = now() - interval '11 minutes' where user_id = $1`,
    [admin.id],
  );
  await button(page, 'Reveal').click();
  await expect(alertOf(page)).toContainText('more than ten minutes since your second step');
  expect(await page.content()).not.toContain(phone.slice(-7));
  await database().query(`update sessions set second_factor_at = now() where user_id = $1`, [admin.id]);
  await button(page, 'Reveal').click();
  await expect(revealed(page)).toContainText(writeNationally(phone));
  const audit = await readRows<{ actor_id: string }>(
    `select actor_id from audit_log where action = 'number_revealed' and user_id = $1`,
    [person.id],
  );
  expect(audit).toEqual([{ actor_id: admin.id }]);
  // It is gone with the page.
  await open(page, new URL(page.url()).pathname);
  await expect(revealed(page)).toHaveCount(0);
  expect(await page.content()).not.toContain(writeNationally(phone));

  await card('Newest texts').getByRole('link').click();
  await page.getByRole('link', { name: masked }).click();
  await expect(page).toHaveURL(/\/admin\/phones\//);
});

test('the page of a person leads to all about their texts: proof of consent, limits, and why the next would not come', async ({
  page,
}) => {
  const { person, phone, messageId } = await makeHolder();
  const admin = await makePerson('admin');
  await enterAs(page, admin);
  await open(page, `/admin/users/${person.id}`);
  await awaitScript(page);
  await expect(page.getByText(person.email)).toBeVisible();
  expect(await page.content()).not.toContain(phone.slice(-7));
  await button(page, 'Reveal').click();
  await expect(revealed(page)).toContainText(writeNationally(phone));

  await open(page, `/admin/users/${person.id}`);
  const looks = page.locator('section', { has: page.getByRole('heading', { name: 'Who looked at this' }) });
  await expect(looks).toContainText(`By ${admin.name}`);

  await page.getByRole('link', { name: 'Texts, consents, opt-outs and limits' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(`Texts of ${person.name}`);
  await awaitScript(page);
  const card = (title: string) =>
    page.locator('section', { has: page.getByRole('heading', { name: title, exact: true }) });
  const next = card('What keeps the next text back?');
  const rowOf = (term: string) => next.locator('dl > div', { hasText: term }).first();
  await expect(rowOf('A code to prove the number')).toContainText('Goes out');
  await expect(rowOf('News of an application')).toContainText(
    'They have not agreed to updates. It passes once',
  );
  await expect(rowOf('News of an application')).toContainText('Says no');
  const rules = next.locator('details', { hasText: 'News of an application: every rule' });
  await rules.locator('summary').click();
  await expect(rules.getByText('Is the sender at work?')).toBeVisible();

  await expect(card('Limits').locator('dl > div', { hasText: 'Notices about the account' })).toContainText(
    /\$0 of \$[\d.]+ spent, \$[\d.]+ left/,
  );
  await expect(card('Limits').locator('dl > div', { hasText: 'To its holder' })).toContainText(
    '2 more can be sent, 15 more wrong ones can be entered',
  );
  await expect(card('Consents')).toContainText('on the registration form (/users/register/applicant)');
  await card('Consents').locator('summary').click();
  await expect(card('Consents')).toContainText('I agree to get codes by text.');
  await expect(card('Newest texts').getByRole('link').first()).toHaveAttribute(
    'href',
    `/admin/messages/${messageId}`,
  );
  expect(await page.content()).not.toContain(phone.slice(-7));

  await next.getByRole('link', { name: `•••${phone.slice(-4)}` }).click();
  await expect(page).toHaveURL(/\/admin\/phones\//);
  await page.getByRole('link', { name: person.name }).first().click();
  await expect(page).toHaveURL(new RegExp(`/admin/users/${person.id}$`));
});

test('an admin finds a person and a text from the overview, too, and is told what to enter', async ({
  page,
}) => {
  const { person, messageId } = await makeHolder();
  await enterAs(page, await makePerson('admin'));
  const find = async (typed: string) => {
    await open(page, '/admin');
    await field(page, 'phone').fill(typed);
    await button(page, 'Open the page').click();
  };
  await find(person.email);
  await expect(page).toHaveURL(new RegExp(`/admin/users/${person.id}$`));
  await find(messageId);
  await expect(page).toHaveURL(new RegExp(`/admin/messages/${messageId}$`));
  await find('nobody-at-all@example.com');
  await expect(alertOf(page)).toContainText('Nobody has a name or an email that begins like this.');
  await expect(field(page, 'phone')).toHaveValue('nobody-at-all@example.com');
});

test('the page of a number that nobody has heard of says so, and claims nothing about it', async ({
  page,
}) => {
  const phone = newNumber();
  await enterAs(page, await makePerson('admin'));
  await open(page, '/admin');
  await field(page, 'phone').fill(writeNationally(phone));
  await button(page, 'Open the page').click();
  await expect(page.getByText('We know nothing of this number')).toBeVisible();
  await expect(page.locator('dl > div', { hasText: 'Opt-out' })).toContainText('It has not opted out');
  await expect(page.locator('dl').getByText('Yes', { exact: true })).toHaveCount(0);
});
