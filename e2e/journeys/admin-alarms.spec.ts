import { randomUUID } from 'node:crypto';
import { readRows } from '../support/database';
import { open } from '../support/journeys';
import { enterAs, makePerson } from '../support/staff';
import { expect, test } from '../support/test';

/** An alarm about something of this test's own, which the dispatcher's checks do not end for ten minutes. */
async function writeAlarm({ subject, ended = false }: { subject: string; ended?: boolean }): Promise<string> {
  const id = randomUUID();
  await readRows(
    `insert into alarms (id, kind, subject, since, opened_at, last_seen_at, ended_at, figures, last_figures)
     select $1, 'slow_deliveries', $2, at, at, at, case when $3 then now() - interval '1 minute' end, figures, figures
     from (select now() - interval '40 minutes' as at, '{"delivered": 120, "slow": 31}'::jsonb as figures) alarm`,
    [id, subject, ended],
  );
  return id;
}

test('an admin sees what is wrong since when and what to do, and acknowledges it', async ({
  page,
  openBrowser,
}) => {
  const [subject, former] = [randomUUID(), randomUUID()];
  const id = await writeAlarm({ subject });
  await writeAlarm({ subject: former, ended: true });
  const admin = await makePerson('admin');
  await enterAs(page, admin);
  await open(page, '/admin');
  const alarm = page.locator('[data-alarm="slow_deliveries"]').filter({ hasText: subject });
  await expect(alarm).toContainText('Texts arrive late');
  await expect(alarm).toContainText(
    'Of the last 120 deliveries of an hour, 31 took longer than five minutes.',
  );
  await expect(alarm).toContainText('Since ');
  await alarm.getByRole('button', { name: 'Acknowledge' }).click();
  await expect(alarm).toContainText(`${admin.name} sees to it`);
  await expect(alarm.getByRole('button')).toHaveCount(0);
  await expect(page).toHaveURL(/\/admin(\?|$)/);
  await expect(page.getByText('You see to it now.')).toBeVisible();

  const other = await (await openBrowser()).newPage();
  await enterAs(other, await makePerson('admin'));
  await open(other, '/admin/alarms');
  const theirs = other.locator('[data-alarm="slow_deliveries"]').filter({ hasText: subject });
  await expect(theirs).toContainText(`${admin.name} sees to it`);
  await expect(other.getByRole('table', { name: 'Alarms that have ended' })).toContainText(
    'Texts arrive late',
  );
  const rows = await readRows<{ actor_id: string }>(
    `select actor_id from audit_log where action = 'alarm_acknowledged' and details ->> 'alarm' = $1`,
    [id],
  );
  expect(rows).toEqual([{ actor_id: admin.id }]);
  await readRows('update alarms set ended_at = now() where id = $1', [id]);
});

test('an alarm that ended before it was acknowledged is left as it is', async ({ page }) => {
  const subject = randomUUID();
  const id = await writeAlarm({ subject });
  await enterAs(page, await makePerson('admin'));
  await open(page, '/admin/alarms');
  const alarm = page.locator('[data-alarm="slow_deliveries"]').filter({ hasText: subject });
  await expect(alarm).toBeVisible();
  await readRows('update alarms set ended_at = now() where id = $1', [id]);
  await alarm.getByRole('button', { name: 'Acknowledge' }).click();
  await expect(alarm).toHaveCount(0);
  expect(await readRows('select acknowledged_at from alarms where id = $1', [id])).toEqual([
    { acknowledged_at: null },
  ]);
});

test('an admin sees how the sender does, and what each limit refused', async ({ page }) => {
  const admin = await makePerson('admin');
  // Today, whatever the time: the days before are summed up already.
  await readRows(
    `insert into sms_verification_log (at, event, reason, phone, user_id, times, last_at)
     values (now(), 'send_refused', 'send_limit', '+15005550123', $1, 4000, now()),
       (now(), 'send_refused', 'something_new', '+15005550123', $1, 7, null)`,
    [admin.id],
  );
  await enterAs(page, admin);
  await open(page, '/admin');
  await page.getByRole('link', { name: 'Sender', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Sender');
  for (const id of ['stop', 'registration', 'filtered', 'reports', 'refused', 'pace', 'queue', 'budget']) {
    await expect(page.locator(`[data-health="${id}"]`)).toBeVisible();
  }
  await expect(page.getByRole('row').filter({ hasText: 'Budget' })).toContainText('of $1,000.00');
  await page.getByRole('link', { name: 'Limits', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Limits');
  const codes = page.getByRole('row').filter({ hasText: 'Codes to one number, for each purpose' });
  await expect(codes).toContainText('3 in any hour, 10 in any day');
  await expect(codes).toContainText(/[4-9],\d{3}|\d\d,\d{3}/);
  await expect(page.getByRole('region', { name: 'Other reasons' })).toContainText('something new');
});
