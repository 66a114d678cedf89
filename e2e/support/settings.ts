import { expect, type Locator, type Page } from 'playwright/test';
import { readRows } from './database';
import { button, enterCode, expectPage, paths, register, type RegistrationWishes } from './journeys';
import { newNumber, type Applicant } from './people';
import { readCode, readTexts, type PrintedText } from './texts';

export const settingsPaths = {
  preferences: '/users/sms-preferences',
  record: '/users/sms-preferences/record',
  security: '/users/security',
  deletion: '/users/account/delete',
  deleted: '/users/account/deleted',
  devPhone: '/dev/phone',
} as const;

/** The form with this button: the settings have several, whose fields share their names. */
export function formWith(page: Page | Locator, buttonName: string): Locator {
  return page.locator('form').filter({ has: button(page, buttonName) });
}

/** Registers someone without quiet hours, and proves their number. */
export async function registerVerified(
  page: Page,
  wishes: Pick<RegistrationWishes, 'updates'> & { phone?: string } = {},
): Promise<{ applicant: Applicant; phone: string; code: string }> {
  const phone = wishes.phone ?? newNumber();
  const applicant = await register(page, { ...wishes, phone, verify: true });
  await endQuietHours(applicant.email);
  const code = await readCode(phone);
  await enterCode(page, code);
  await expectPage(page, paths.dashboard);
  return { applicant, phone, code };
}

/** Switches quiet hours off, so that no text waits for the morning, at whatever time the tests run. */
export async function endQuietHours(email: string): Promise<void> {
  await readRows(
    `update sms_preferences set quiet_hours_enabled = false
     where user_id = (select id from users where email = $1)`,
    [email],
  );
}

/** Waits until so many texts of this purpose went to a number, and answers the last of them. */
export async function awaitText(phone: string, purpose: string, count = 1): Promise<PrintedText> {
  const find = () => readTexts(phone).filter((text) => text.purpose === purpose);
  await expect
    .poll(() => find().length, { message: `${purpose} texts to ${phone}`, intervals: [50, 100, 200] })
    .toBe(count);
  return find().at(-1)!;
}

/** The ledger of consents at a number, oldest first, each as `granted updates by preferences`. */
export async function readConsents(phone: string): Promise<string[]> {
  const rows = await readRows<{ act: string }>(
    `select action || ' ' || scope || ' by ' || medium as act from sms_consents where phone = $1 order by id`,
    [phone],
  );
  return rows.map(({ act }) => act);
}
