import type { Page } from 'playwright/test';
import { readRows } from '../support/database';
import { alertOf, button, enterCode, expectPage, open, paths, register } from '../support/journeys';
import type { PublicApp } from '../support/public-app';
import { publicTest } from '../support/public-test';
import { settingsPaths } from '../support/settings';
import { expect } from '../support/test';

const updatesPhone = '+15005550006';
const codesPhone = '+12125550190';
const [shownUpdates, shownCodes] = ['(500) 555-0006', '(212) 555-0190'];

const test = publicTest({ TWILIO_CODES_FROM_PHONE: codesPhone });
test.use({ ignoreHTTPSErrors: true });
test.describe.configure({ mode: 'default' });

let phones = 0;

/** Someone whose number is verified by a code, which came from the number of codes. */
async function verify(page: Page, { twilio }: PublicApp): Promise<string> {
  phones += 1;
  const phone = `+1212${2_100_000 + phones}`;
  await register(page, { phone, verify: true, updates: true });
  const text = await twilio.whenSeen(({ texts }) => texts.find(({ to }) => to === phone));
  expect(text.from).toBe(codesPhone);
  await enterCode(page, /(?<!\d)\d{6}(?!\d)/.exec(text.body)![0]);
  await expectPage(page, paths.dashboard);
  return phone;
}

/** Someone texts one of our numbers, and the webhook gets it. */
async function write({ origin, twilio }: PublicApp, from: string, to: string, body: string): Promise<void> {
  const text = twilio.receive({ from, to, body, sentAt: new Date() });
  const answer = await twilio.hand(text, `${origin}/users/webhook/twilio/inbound`);
  expect(answer.status).toBe(200);
}

test('who stops updates still gets a code, and the preferences say what is stopped and how to undo it', async ({
  page,
  publicApp,
}) => {
  const phone = await verify(page, publicApp);
  await write(publicApp, phone, updatesPhone, 'STOP');
  await open(page, settingsPaths.preferences);
  await expect(page.getByText('Text updates are stopped: this number replied STOP')).toBeVisible();
  await expect(page.getByText('To get updates again, text START')).toContainText(shownUpdates);
  await expect(page.getByText('To get codes again')).toHaveCount(0);

  // A code is asked for again, as after the carrier lists the number.
  await readRows(
    'update phone_numbers set out_of_service_on = current_date + 1 where number = $1 returning 1',
    [phone],
  );
  await open(page, settingsPaths.preferences);
  await button(page, 'Verify this number again').click();
  await expectPage(page, paths.code);
  const isCode = (text: { to: string; from: string | null }) => text.to === phone && text.from === codesPhone;
  const codes = await publicApp.twilio.whenSeen(({ texts }) => {
    const found = texts.filter(isCode);
    return found.length > 1 && found;
  });
  await enterCode(page, /(?<!\d)\d{6}(?!\d)/.exec(codes.at(-1)!.body)![0]);
  await expectPage(page, paths.dashboard);

  await write(publicApp, phone, updatesPhone, 'START');
  await open(page, settingsPaths.preferences);
  await expect(page.getByText('Text updates are stopped')).toHaveCount(0);
});

test('who says STOP to a code gets nothing any more, and is told the number that undoes it', async ({
  page,
  publicApp,
}) => {
  const phone = await verify(page, publicApp);
  await write(publicApp, phone, codesPhone, 'STOP');
  await open(page, settingsPaths.preferences);
  await expect(page.getByText('Texts are stopped: this number replied STOP')).toBeVisible();
  await expect(page.getByText('To get texts again, text START')).toContainText(shownCodes);

  await write(publicApp, phone, updatesPhone, 'STOP');
  await open(page, settingsPaths.preferences);
  await expect(page.getByText('To get updates again, text START')).toContainText(shownUpdates);
  await expect(page.getByText('To get codes again, text START')).toContainText(shownCodes);

  await write(publicApp, phone, updatesPhone, 'START');
  await open(page, settingsPaths.preferences);
  await expect(
    page.getByText('Codes are stopped: this number replied STOP to the number they come from'),
  ).toBeVisible();
  await expect(page.getByText('To get codes again, text START')).toContainText(shownCodes);
});

test('while codes are stopped the code page names the number to text START to', async ({
  page,
  publicApp,
}) => {
  phones += 1;
  const phone = `+1212${2_100_000 + phones}`;
  await register(page, { phone, verify: true });
  await publicApp.twilio.whenSeen(({ texts }) => texts.find(({ to }) => to === phone));
  await write(publicApp, phone, codesPhone, 'STOP');
  await open(page, paths.code);
  await expect(page.getByText('To get texts again, text START')).toContainText(shownCodes);
  await expect(alertOf(page)).toHaveCount(0);
});
