import type { Page, Response } from 'playwright/test';
import { letTimePass, readRows } from '../support/database';
import { button, enterCode, expectPage, field, open, paths, register } from '../support/journeys';
import { newNumber, writeNationally } from '../support/people';
import { expect, test } from '../support/test';
import { awaitTexts, readCode, wrongCode } from '../support/texts';

/**
 * What a screen reader says by itself while a page is open: an alert when it comes or changes, a status when it changes.
 * One entry for each time; what is hidden is not said.
 */
async function recordAnnouncements(page: Page): Promise<void> {
  await page.clock.install();
  await page.addInitScript(() => {
    const said: string[] = [];
    Object.assign(window, { said });
    const known = new WeakSet<Element>();
    const live = '[role="alert"], [role="status"]';
    const learn = () => {
      for (const region of document.querySelectorAll(live)) known.add(region);
    };
    const observer = new MutationObserver((mutations) => {
      const regions = new Set<Element>();
      for (const { target, addedNodes, type } of mutations) {
        const element = target instanceof Element ? target : target.parentElement;
        const around = element?.closest(live);
        if (around && (type === 'characterData' || addedNodes.length > 0)) regions.add(around);
        for (const node of addedNodes) {
          if (!(node instanceof Element)) continue;
          for (const region of [node, ...node.querySelectorAll(live)]) {
            if (region.matches('[role="alert"]')) regions.add(region);
          }
        }
      }
      for (const region of regions) {
        const isNewStatus = region.matches('[role="status"]') && !known.has(region);
        const words = (region.textContent ?? '').replace(/\s+/g, ' ').trim();
        if (isNewStatus || words === '' || !region.isConnected || region.closest('[hidden]')) continue;
        said.push(`${region.getAttribute('role')}: ${words}`);
      }
      learn();
    });
    const watch = { childList: true, characterData: true, subtree: true };
    document.addEventListener('DOMContentLoaded', () => {
      learn();
      observer.observe(document.body, watch);
    });
  });
}

/** What the clock says, whatever happens meanwhile. */
const byTheClock = ['status: You can send a code now.', 'status: You can continue without verifying now.'];

const underWay = 'status: The text is on its way';

/** What has been said since the last time this was asked, but for what the clock says. */
async function hear(page: Page): Promise<string[]> {
  const said = await page.evaluate(() => (window as unknown as { said: string[] }).said.splice(0));
  return said.filter((words) => !byTheClock.includes(words));
}

/** Where the page asks how the text is doing, and the longest that it waits before it asks again (components/sms/SmsStatus.tsx). */
const statusPath = '/users/verify-phone/status';
const longestPauseMs = 10_000;

/**
 * Has the page ask again by its clock how the text is doing, also where it takes its time, and waits until it could have said what it
 * learned. Where it asks nothing, it was silent for long enough.
 */
async function letItAsk(page: Page): Promise<void> {
  const isAnswer = (response: Response) => new URL(response.url()).pathname === statusPath;
  const answered = page.waitForResponse(isAnswer, { timeout: 2_000 }).catch(() => null);
  await page.clock.fastForward(longestPauseMs);
  await (await answered)?.finished();
  await page.waitForTimeout(500);
}

/** Waits until something is said, and until the page has asked again since, since only silence shows that nothing repeats it. */
async function hearAll(page: Page): Promise<string[]> {
  const said = await hear(page);
  await expect(async () => {
    if (said.length === 0) await letItAsk(page);
    said.push(...(await hear(page)));
    expect(said).not.toEqual([]);
  }).toPass();
  await letItAsk(page);
  return [...said, ...(await hear(page))];
}

async function setText(phone: string, change: string): Promise<void> {
  await readRows(
    `update sms_messages set ${change} where id =
       (select id from sms_messages where phone = $1 order by created_at desc limit 1) returning 1`,
    [phone],
  );
}

const status = (page: Page) => page.locator('[data-sms-status]');

test('a screen reader hears each thing that becomes of a code once, from the text to the right code', async ({
  page,
}) => {
  test.setTimeout(120_000);
  await recordAnnouncements(page);
  const phone = newNumber();
  await register(page, { phone, verify: true });
  await expect(status(page)).toHaveAttribute('data-sms-status', 'sent');
  const code = await readCode(phone);
  await expect(field(page, 'code')).toBeFocused();
  await expect(page.getByRole('main')).toMatchAriaSnapshot(`
    - heading "Enter the code" [level=1]
    - paragraph:
      - text: We texted a six-digit code to this number. The code expires at
      - time: /^\\d+:\\d\\d [AP]M$/
    - text: ${writeNationally(phone)}
    - group: Change number
    - status: The text has been sent
    - textbox "Six-digit code"
    - text: 5 tries left.
    - button "Verify"
    - button "Send the code again"
    - paragraph:
      - text: No text?
      - time: /In \\d+ seconds/
      - text: you can continue without verifying.
  `);
  const arrived = await hearAll(page);
  expect(arrived.filter((words) => words.includes('The text') && words !== underWay)).toEqual([
    'status: The text has been sent',
  ]);

  // The dispatcher is too fast to be watched, so its steps are taken again.
  await setText(phone, `status = 'queued', send_after = now() + interval '1 hour'`);
  expect(await hearAll(page)).toEqual([underWay]);
  await setText(phone, `status = 'sent'`);
  expect(await hearAll(page)).toEqual(['status: The text has been sent']);
  await setText(phone, `status = 'delivered', delivered_at = now()`);
  expect(await hearAll(page)).toEqual(['status: The text has been delivered']);

  for (const [nth, left] of [
    [1, 4],
    [2, 3],
  ] as const) {
    await enterCode(page, wrongCode(code, nth));
    const error = `That code is not right. You have ${left} tries left.`;
    expect(await hearAll(page)).toEqual([`alert: ${error}`]);
    await expect(page.getByText(`${left} tries left`)).toHaveCount(1);
    await expect(field(page, 'code')).toBeFocused();
    await expect(field(page, 'code')).toHaveAccessibleDescription(error);
  }

  await letTimePass(phone, 30);
  await open(page, paths.code);
  await hear(page);
  await button(page, 'Send the code again').click();
  await awaitTexts(phone, 2);
  const again = 'status: The text has been sent. We sent it again, with the same code.';
  await expect(status(page)).toContainText('We sent it again, with the same code.');
  expect((await hearAll(page)).filter((words) => words !== underWay)).toEqual([again]);

  await readRows('update sms_verifications set expires_at = now() where phone = $1 returning 1', [phone]);
  expect(await hearAll(page)).toEqual([
    'alert: You need a new codeThe last code has expired. Codes work for 10 minutes.',
  ]);
  await expect(page.getByRole('alert').filter({ hasText: 'You need a new code' })).toBeFocused();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Get a new code');

  await letTimePass(phone, 30);
  await open(page, paths.code);
  await button(page, 'Send a new code').click();
  await expect(field(page, 'code')).toBeVisible();
  await enterCode(page, await readCode(phone, 3));
  await expectPage(page, paths.dashboard);
  const verified = page.getByRole('status').filter({ hasText: 'Phone verified' });
  await expect(verified).toBeFocused();
  await expect(verified).toBeInViewport();
});

test('a screen reader hears once that a number cannot get texts, and is led to another number', async ({
  page,
}) => {
  await recordAnnouncements(page);
  const phone = newNumber();
  await register(page, { phone, verify: true });
  await expect(status(page)).toHaveAttribute('data-sms-status', 'sent');
  await hearAll(page);
  await expect(field(page, 'code')).toBeFocused();
  await setText(phone, `status = 'failed', reason = 'undeliverable_number', error_code = 30006`);
  await readRows('update phone_numbers set undeliverable_at = now() where number = $1 returning 1', [phone]);

  expect(await hearAll(page)).toEqual([
    'status: The text could not be delivered. This number cannot receive texts. Use another number, or continue without verifying.',
  ]);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Use another number');
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
  await expect(field(page, 'code')).toHaveCount(0);
  await expect(button(page, 'Send the code again')).toHaveCount(0);
  await expect(page.getByText(/tries left|sends? left|In \d+ seconds/)).toHaveCount(0);
  // A number that cannot get texts is not offered again.
  await expect(field(page, 'phone')).toHaveValue('');
  await expect(page.getByRole('main')).toMatchAriaSnapshot(`
    - heading "Use another number" [level=1]
    - paragraph: Your number is not verified yet.
    - text: ${writeNationally(phone)}
    - status: /The text could not be delivered/
    - textbox "New phone number"
    - checkbox "I agree to get texts at this number"
    - button "Send the code to this number"
    - button "Continue without verifying"
  `);

  const other = newNumber();
  await field(page, 'phone').fill(writeNationally(other));
  await field(page, 'tcpaConsent').check();
  await button(page, 'Send the code to this number').click();
  await expect(field(page, 'code')).toBeVisible();
  await enterCode(page, await readCode(other));
  await expectPage(page, paths.dashboard);
});
