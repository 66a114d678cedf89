import type { Page } from 'playwright/test';
import { readRows } from '../support/database';
import { button, enterCode, expectPage, field, open, paths, signIn, signOut } from '../support/journeys';
import { newNumber, writeNationally } from '../support/people';
import { registerVerified } from '../support/settings';
import { giveSecondStep, makePerson, setUpApp, twoFactorPaths, type MadePerson } from '../support/staff';
import { expect, test } from '../support/test';
import { readCode } from '../support/texts';

const { secondStep, factors, confirm } = twoFactorPaths;
const wrongCode = '000000';

async function takeFirstStep(page: Page, person: MadePerson): Promise<void> {
  await signIn(page, person);
  await expectPage(page, secondStep);
}

/** Makes recovery codes on the page of second factors, and types the first back. Out: all ten. */
async function makeRecoveryCodes(page: Page): Promise<string[]> {
  await button(page, 'Make recovery codes').click();
  await expect(page.locator('[data-recovery-codes] li')).toHaveCount(10);
  const codes = await page.locator('[data-recovery-codes] li').allTextContents();
  await field(page, 'recoveryCode').fill('7KQ2-V0M9-3TZD-HX4R-8WPA-JB6C');
  await button(page, 'I saved them').click();
  await expect(page.locator('#recoveryCode-error')).toContainText('none of the codes above');
  await field(page, 'recoveryCode').fill(codes[0]!.toLowerCase().replaceAll('-', ' '));
  await button(page, 'I saved them').click();
  await expect(page.getByText('Your recovery codes count from now on.')).toBeVisible();
  await expect(page.locator('[data-recovery-codes]')).toHaveCount(0);
  return codes;
}

async function giveRecoveryCode(page: Page, code: string): Promise<void> {
  await page.locator('summary', { hasText: 'Use a recovery code' }).click();
  await field(page, 'recoveryCode').fill(code);
  await button(page.locator('form', { has: field(page, 'recoveryCode') }), 'Continue').click();
}

test('a new staff member sets up a second factor before anything else opens, and comes back with it', async ({
  page,
}) => {
  const person = await makePerson('staff', { app: false });
  await signIn(page, person);
  await expectPage(page, factors);
  await expect(page.getByText('Your role needs a second factor')).toBeVisible();
  for (const path of [paths.dashboard, '/staff/opt-outs', '/users/security', '/users/profile']) {
    await open(page, path);
    await expectPage(page, factors);
  }
  await expect(page.getByRole('navigation', { name: 'Main' }).getByRole('link')).toHaveText([
    'Two-step sign-in',
  ]);

  const app = await setUpApp(page);
  await expect(page.getByText('You have no recovery codes')).toBeVisible();
  const codes = await makeRecoveryCodes(page);
  await open(page, '/staff/opt-outs');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Record an opt-out');
  await signOut(page);

  await takeFirstStep(page, person);
  // The password alone opens nothing.
  await open(page, paths.dashboard);
  await expectPage(page, paths.signIn);
  await open(page, secondStep);
  await giveSecondStep(page, wrongCode);
  await expect(page.locator('#code-error')).toContainText('That code is not right, or was used before.');
  await giveSecondStep(page, app.nextCode());
  await expectPage(page, paths.dashboard);
  await signOut(page);

  await takeFirstStep(page, person);
  await giveRecoveryCode(page, codes[1]!);
  await expectPage(page, factors);
  await expect(page.getByText('You have 9 codes left.')).toBeVisible();
  await signOut(page);
  await takeFirstStep(page, person);
  await giveRecoveryCode(page, codes[1]!);
  await expect(page.locator('#recoveryCode-error')).toContainText('not right, or was used before');
});

test('a broker verifies a number, sets up codes by text to it, and signs in with one, also after consent to codes has ended', async ({
  page,
}) => {
  const person = await makePerson('broker', { app: false });
  const phone = newNumber();
  await signIn(page, person);
  await expectPage(page, factors);
  await field(page, 'phone').fill(writeNationally(phone));
  await field(page, 'tcpaConsent').check();
  await button(page, 'Send the code to this number').click();
  await expectPage(page, '/users/verify-phone');
  await enterCode(page, await readCode(phone));
  await expectPage(page, factors);
  await expect(page.getByText('Your number is verified.')).toBeVisible();
  await button(page, 'Text me a code').click();
  await expect(page.getByText('We texted you a code. Enter it below.')).toBeVisible();
  await enterCode(page, await readCode(phone, 2), 'Turn on codes by text');
  await expect(page.getByText('Codes by text are on.')).toBeVisible();
  await signOut(page);

  await takeFirstStep(page, person);
  await readRows(
    `update sign_in_codes set last_sent_at = last_sent_at - interval '1 minute' where user_id = $1`,
    [person.id],
  );
  // As a STOP to another sender of ours ends it.
  await readRows(
    `insert into sms_consents (at, user_id, phone, scope, action, medium, sender)
     values (now(), $1, $2, 'verification', 'withdrawn', 'sms_stop', 'Doorstep')`,
    [person.id, phone],
  );
  await button(page, 'Text me a code').click();
  await expect(page.locator('#tcpaConsent-error')).toContainText('we need your agreement');
  await field(page, 'tcpaConsent').check();
  await button(page, 'Text me a code').click();
  await giveSecondStep(page, await readCode(phone, 3));
  await expectPage(page, paths.dashboard);
});

test('a broker trusts a browser, which is asked for no second step until they stop trusting it', async ({
  page,
}) => {
  const person = await makePerson('broker');
  await takeFirstStep(page, person);
  await giveSecondStep(page, person.app!.nextCode(), { trust: true });
  await expectPage(page, paths.dashboard);
  for (let times = 0; times < 2; times += 1) {
    await signOut(page);
    await signIn(page, person);
    await expectPage(page, paths.dashboard);
  }

  // What matters most asks for the second step all the same.
  await open(page, factors);
  await expectPage(page, confirm);
  await enterCode(page, wrongCode, 'Confirm');
  await expect(page.locator('#code-error')).toContainText('That code is not right, or was used before.');
  await enterCode(page, person.app!.nextCode(), 'Confirm');
  await expectPage(page, factors);
  await button(page, 'Stop trusting this browser').click();
  await expect(page.getByText('That browser is no longer trusted.')).toBeVisible();
  await signOut(page);
  await takeFirstStep(page, person);
});

test('an admin is never offered to trust a browser', async ({ page }) => {
  const person = await makePerson('admin');
  await takeFirstStep(page, person);
  await expect(field(page, 'trustDevice')).toHaveCount(0);
  await giveSecondStep(page, person.app!.nextCode());
  await expectPage(page, paths.dashboard);
});

test('an applicant sets up an app after confirming that it is them, and is asked for it from then on', async ({
  page,
}) => {
  const { applicant } = await registerVerified(page);
  await readRows(
    `update sessions set authenticated_at = authenticated_at - interval '11 minutes'
     where user_id = (select id from users where email = $1)`,
    [applicant.email],
  );
  await open(page, factors);
  await expectPage(page, confirm);
  await field(page, 'currentPassword').fill('not my password');
  await button(page, 'Confirm').click();
  await expect(page.locator('#currentPassword-error')).toContainText('This is not your password.');
  await field(page, 'currentPassword').fill(applicant.password);
  await button(page, 'Confirm').click();
  await expectPage(page, factors);
  const app = await setUpApp(page);
  await signOut(page);
  await signIn(page, applicant);
  await expectPage(page, secondStep);
  await giveSecondStep(page, app.nextCode());
  await expectPage(page, paths.dashboard);

  // They may do without again.
  await open(page, factors);
  await button(page, 'Remove the authenticator app').click();
  await expect(page.getByText('Your authenticator app was removed.')).toBeVisible();
  await signOut(page);
  await signIn(page, applicant);
  await expectPage(page, paths.dashboard);
});

test('the way on is kept over both steps, and over a first step that took too long', async ({ page }) => {
  const person = await makePerson('staff');
  await open(page, '/staff/opt-outs');
  await expectPage(page, paths.signIn);
  await field(page, 'email').fill(person.email);
  await field(page, 'password').fill(person.password);
  await button(page, 'Sign in').click();
  await expectPage(page, secondStep);
  await readRows(
    `update pending_tokens set created_at = created_at - interval '11 minutes' where user_id = $1`,
    [person.id],
  );
  await giveSecondStep(page, person.app!.nextCode());
  await expectPage(page, paths.signIn);
  await field(page, 'email').fill(person.email);
  await field(page, 'password').fill(person.password);
  await button(page, 'Sign in').click();
  await expectPage(page, secondStep);
  await giveSecondStep(page, person.app!.nextCode());
  await expectPage(page, '/staff/opt-outs');
});
