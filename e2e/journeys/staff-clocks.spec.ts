import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright/test';
import { database } from '../support/database';
import { open } from '../support/journeys';
import { giveApplication, makeTexted } from '../support/staff-applications';
import { enterAs, makePerson } from '../support/staff';
import { expect, test } from '../support/test';

const far = 'Asia/Tokyo';
test.use({ timezoneId: far });
const clock = new Intl.DateTimeFormat('en-US', { hour: 'numeric', minute: '2-digit', timeZone: far });

/** The moments of a page: what they are for machines, and what a person reads. */
async function readMoments(page: Page): Promise<{ at: Date; words: string }[]> {
  const times = page.locator('main time');
  await expect(times.first()).toBeVisible();
  const read = await times.evaluateAll((found) =>
    found.map((time) => [time.getAttribute('datetime')!, time.textContent] as const),
  );
  return read.map(([at, words]) => ({ at: new Date(at), words: words.replace(/\s/g, ' ') }));
}

test('staff read moments on the clock of their browser, and in a zone that is named where no script runs', async ({
  page,
  javaScriptEnabled,
}) => {
  const admin = await makePerson('admin');
  const application = await giveApplication({ of: await makeTexted(), title: `Flat ${randomUUID()}` });
  const text = randomUUID();
  await database().query(
    `insert into sms_messages (id, user_id, phone, purpose, template, created_at, send_after, status, reason, failed_at)
     values ($1, $2, '+15005550124', 'update', 'applicationStatus', now(), now(), 'failed', 'stopped', now())`,
    [text, admin.id],
  );
  await enterAs(page, admin);
  for (const path of [
    `/admin/users/${admin.id}`,
    '/admin/messages',
    `/admin/messages/${text}`,
    '/staff/applications',
    `/staff/applications/${application}`,
  ]) {
    await open(page, path);
    await expect(async () => {
      for (const { at, words } of await readMoments(page)) {
        const [time, half] = clock.format(at).split(/\s/);
        if (javaScriptEnabled) expect(words, path).toMatch(new RegExp(`, ${time}(:\\d\\d)? ${half}$`));
        else expect(words, path).toMatch(/ [AP]M E[SD]T$/);
      }
    }).toPass();
  }
});
