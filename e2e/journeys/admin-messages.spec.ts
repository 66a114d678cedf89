import { randomUUID } from 'node:crypto';
import { database } from '../support/database';
import { alertOf, awaitScript, button, field, open } from '../support/journeys';
import { newNumber, writeNationally } from '../support/people';
import { enterAs, makePerson } from '../support/staff';
import { expect, test } from '../support/test';

test('an admin finds the texts of one number, leafs through them, and no address holds it', async ({
  page,
}) => {
  const phone = newNumber();
  const admin = await makePerson('admin');
  // They are someone's: a text that is nobody's any more loses its number within the minute.
  await database().query(
    `insert into sms_messages (id, user_id, phone, purpose, template, created_at, send_after, status, reason, error_code)
     select gen_random_uuid(), $2, $1, 'update', 'applicationStatus', at, at,
       case when n <= 30 then 'delivered' else 'failed' end, case when n > 30 then 'handset_unreachable' end,
       case when n > 31 then 30003 end
     from generate_series(1, 33) n, lateral (select now() - n * interval '1 day' as at) times`,
    [phone, admin.id],
  );
  await enterAs(page, admin);
  // Links from before still lead there.
  await open(page, '/admin/sms');
  await expect(page).toHaveURL(/\/admin$/);
  await page.getByRole('navigation', { name: 'Texts' }).getByRole('link', { name: 'All texts' }).click();
  await expect(page).toHaveURL(/\/admin\/messages$/);
  await awaitScript(page);

  const texts = page.getByRole('region', { name: 'Texts', exact: true });
  const rows = texts.locator('tbody tr');

  await field(page, 'q').fill('12');
  await button(page, 'Search').click();
  await expect(alertOf(page)).toContainText('Enter the last four digits of a number, or all of it');
  await expect(field(page, 'q')).toHaveValue('12');

  await field(page, 'q').fill(writeNationally(phone));
  await button(page, 'Search').click();
  await expect(page).toHaveURL(/[?&]about=n\./);
  await awaitScript(page);
  expect(page.url()).not.toContain(phone.slice(-7));
  const masked = `•••${phone.slice(-4)}`;
  await expect(field(page, 'q')).toHaveValue(masked);
  await expect(alertOf(page)).toHaveCount(0);
  await expect(rows).toHaveCount(25);
  await expect(texts.getByText(masked)).toHaveCount(25);
  expect(await page.content()).not.toContain(phone.slice(-7));

  await texts.getByRole('link', { name: 'Older' }).click();
  await expect(rows).toHaveCount(8);
  await texts.getByRole('link', { name: 'Newest' }).click();
  await expect(rows).toHaveCount(25);
  await awaitScript(page);

  await field(page, 'status').selectOption('failed');
  await button(page, 'Search').click();
  await expect(rows).toHaveCount(3);
  await expect(texts).toContainText('handset unreachable');
  await expect(field(page, 'q')).toHaveValue(masked);
  await expect(field(page, 'status')).toHaveValue('failed');

  await field(page, 'error').fill('30003');
  await field(page, 'template').selectOption('applicationStatus');
  await button(page, 'Search').click();
  await expect(rows).toHaveCount(2);

  await page.getByRole('link', { name: 'Show all' }).click();
  await expect(page).toHaveURL(/\/admin\/messages$/);
  await expect(field(page, 'q')).toHaveValue('');
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
});

test('an admin finds a person by name, email or id, and a text by its SID, whose page tells its life', async ({
  page,
}) => {
  const name = `Wren ${randomUUID().slice(0, 8)}`;
  const [one, other] = [await makePerson('applicant', { name }), await makePerson('applicant', { name })];
  const phone = newNumber();
  const sid = `SM${randomUUID().replaceAll('-', '')}`;
  const id = randomUUID();
  await database().query(
    `insert into sms_messages (id, user_id, phone, purpose, template, created_at, send_after, status, attempts, first_claimed_at,
       attempted_at, reserved_at, sent_at, delivered_at, price_settled_at, price, segments, provider_sid, provider_status)
     values ($1, $2, $3, 'update', 'applicationStatus', now() - interval '9 seconds', now() - interval '9 seconds', 'delivered', 1,
       now() - interval '8 seconds', now() - interval '7 seconds', now() - interval '7 seconds', now() - interval '6 seconds',
       now() - interval '5 seconds', now(), 0.0079, 1, $4, 'delivered')`,
    [id, one.id, phone, sid],
  );
  await enterAs(page, await makePerson('admin'));
  const search = async (typed: string) => {
    await open(page, '/admin/messages');
    await field(page, 'q').fill(typed);
    await button(page, 'Search').click();
  };
  const texts = page.getByRole('region', { name: 'Texts', exact: true });

  await search(name);
  await expect(texts).toContainText('Choose one.');
  await expect(page).toHaveURL(/[?&]about=s\./);
  expect(decodeURIComponent(page.url())).not.toContain(name);
  await expect(texts.getByRole('link', { name })).toHaveCount(2);
  expect(await texts.textContent()).not.toContain(phone.slice(-10, -4));
  await texts
    .getByRole('link', { name })
    .and(page.locator(`[href*="${one.id}"]`))
    .click();
  await expect(texts.locator('tbody tr')).toHaveCount(1);
  await expect(field(page, 'q')).toHaveValue(name);
  await expect(texts.getByRole('link', { name: /^what keeps the next text back/ })).toHaveAttribute(
    'href',
    `/admin/users/${one.id}/texts`,
  );

  await search(other.email);
  await expect(page).toHaveURL(new RegExp(`about=p\\.${other.id}`));
  await expect(texts).toContainText('No text fits.');
  await search(`https://example.com/admin/users/${one.id}?before=1`);
  await expect(texts.locator('tbody tr')).toHaveCount(1);

  await search(`SM${'0'.repeat(32)}`);
  await expect(alertOf(page)).toContainText('No text, person or application has this id.');
  await search(sid);
  await expect(page).toHaveURL(new RegExp(`/admin/messages/${id}$`));
  const happened = page.locator('li', { has: page.locator('time') });
  await expect(happened).toContainText([
    'Written down',
    'took it up',
    'Every rule let it pass',
    'was called',
    'The provider took it',
    'Delivered',
    'what it costs',
  ]);
  await expect(page.getByText(`•••${phone.slice(-4)}`)).toBeVisible();
  expect(await page.content()).not.toContain(phone.slice(-7));
  await page.getByRole('link', { name }).click();
  await expect(page).toHaveURL(new RegExp(`/admin/users/${one.id}$`));
});

test('an admin finds the attempts of one number, and failures alone', async ({ page }) => {
  const phone = newNumber();
  await database().query(
    `insert into sms_verification_log (at, event, phone) values (now(), 'wrong_code', $1), (now(), 'verified', $1)`,
    [phone],
  );
  await enterAs(page, await makePerson('admin'));
  await open(page, '/admin/verifications');
  const rows = page.getByRole('region', { name: 'Verification attempts' }).locator('tbody tr');
  await field(page, 'q').fill(writeNationally(phone));
  await button(page, 'Search').click();
  await expect(page).toHaveURL(/[?&]about=n\./);
  await expect(rows).toHaveCount(2);
  await awaitScript(page);
  await field(page, 'attempts').selectOption('failures');
  await button(page, 'Search').click();
  await expect(rows).toHaveCount(1);
  await expect(field(page, 'q')).toHaveValue(`•••${phone.slice(-4)}`);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
});

test('the page of a text says in words why it was not sent, rule by rule', async ({ page }) => {
  const admin = await makePerson('admin');
  const ids = [randomUUID(), randomUUID()];
  await database().query(
    `insert into sms_messages (id, user_id, phone, purpose, template, params, created_at, send_after, status, reason, details,
       failed_at, first_claimed_at)
     values ($1, $3, $4, 'update', 'applicationStatus', '{"url": "http://localhost"}', now(), now() + interval '1 hour', 'queued',
         'quiet_hours', null, null, null),
       ($2, $3, $4, 'update', 'applicationStatus', '{"url": "http://localhost"}', now(), now(), 'failed', 'stopped',
         '{"since": "2026-05-01T10:00:00.000Z", "by": "sms_stop"}', now(), now())`,
    [...ids, admin.id, newNumber()],
  );
  await enterAs(page, admin);
  const why = page.locator('section', { hasText: 'Why did this not arrive?' });
  const rowOf = (question: string) => why.locator('dl > div', { hasText: question });

  await open(page, `/admin/messages/${ids[0]}`);
  await expect(why).toContainText('It waits.');
  // What keeps it back comes first, and the others are folded.
  await expect(rowOf('Is it due?').first()).toContainText('Not yet: quiet hours. It passes');
  await expect(rowOf('Is the sender at work?')).toBeHidden();
  await why.locator('summary').click();
  await expect(rowOf('Is it due?').last()).toContainText('Not yet: quiet hours. It passes');
  await expect(rowOf('Did the person agree?').last()).toContainText(
    'They have not agreed to updates. It passes once',
  );
  await expect(rowOf('Does it leave what people need for their codes?')).toContainText(
    /\$[\d.]+ of \$[\d.]+ is spent/,
  );
  await expect(rowOf('Is the sender at work?')).toContainText('It is.');

  await open(page, `/admin/messages/${ids[1]}`);
  await expect(why).toContainText('It ended where it says no.');
  await expect(rowOf('Does the number take our texts?').first()).toContainText('by texting STOP');
  await why.locator('summary').click();
  await expect(rowOf('Did the person agree?')).toContainText('Not reached');
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
});
