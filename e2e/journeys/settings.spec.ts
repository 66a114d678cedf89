import { readFileSync } from 'node:fs';
import type { Page } from 'playwright/test';
import { countCodeTexts, readAccounts, readRows } from '../support/database';
import {
  alertOf,
  button,
  enterCode,
  expectPage,
  field,
  open,
  paths,
  register,
  runsScripts,
  signIn,
} from '../support/journeys';
import { newNumber, writeNationally } from '../support/people';
import {
  awaitText,
  endQuietHours,
  formWith,
  readConsents,
  registerVerified,
  settingsPaths,
} from '../support/settings';
import { expect, test } from '../support/test';
import { readCode, readTexts } from '../support/texts';

const { preferences, record } = settingsPaths;
const sendCode = 'Send the code to this number';

const phoneState = (page: Page) => page.locator('[data-phone-state]');
const textsForm = (page: Page) => formWith(page, 'Save text updates');
const hoursForm = (page: Page) => formWith(page, 'Save quiet hours');

test.describe('the phone', () => {
  test('a first number is added with consent and no password, and verified by its code', async ({ page }) => {
    const phone = newNumber();
    const { email } = await register(page);
    await page
      .getByRole('navigation', { name: 'Main' })
      .getByRole('link', { name: 'Text preferences' })
      .click();
    await expectPage(page, preferences);
    await expect(phoneState(page)).toHaveAttribute('data-phone-state', 'none');
    const form = formWith(page, sendCode);
    await expect(field(form, 'currentPassword')).toHaveCount(0);

    await form.getByLabel('Phone number', { exact: true }).fill('555 12');
    await button(form, sendCode).click();
    await expect(alertOf(page).getByRole('link')).toHaveCount(2);
    for (const name of ['phone', 'tcpaConsent']) {
      await expect(field(form, name)).toHaveAttribute('aria-invalid', 'true');
      const id = await field(form, name).getAttribute('id');
      await expect(field(form, name)).toHaveAttribute(
        'aria-describedby',
        new RegExp(`(^| )${id}-error( |$)`),
      );
      await expect(page.locator(`#${id}-error`)).toBeVisible();
      await expect(alertOf(page).locator(`a[href="#${id}"]`)).toBeVisible();
    }
    // With a script it is written as numbers are.
    await expect(field(form, 'phone')).toHaveValue(/^\(?555\)? 12$/);

    await field(form, 'phone').fill(writeNationally(phone));
    await field(form, 'tcpaConsent').check();
    await button(form, sendCode).click();
    await expectPage(page, paths.code);
    await expect(page.getByText(writeNationally(phone)).first()).toBeVisible();
    expect((await readAccounts(email))[0]).toMatchObject({ phone, verified: false });
    await enterCode(page, await readCode(phone));
    await expectPage(page, paths.dashboard);

    await open(page, preferences);
    await expect(phoneState(page)).toHaveAttribute('data-phone-state', 'verified');
    await expect(phoneState(page)).toContainText(writeNationally(phone));
    expect((await readAccounts(email))[0]).toMatchObject({ phone, verified: true });
    // Consent to codes is no consent to updates.
    expect(await readConsents(phone)).toEqual(['granted verification by preferences']);
  });

  test('a number that its carrier took out of service is verified again, and says why and what stays as it is', async ({
    page,
  }) => {
    const { applicant, phone } = await registerVerified(page, { updates: true });
    await awaitText(phone, 'update');
    const before = await readConsents(phone);
    const why = /The carrier reported this number as taken out of service on Sun, Nov 1, 2026/;
    await readRows(
      `update phone_numbers set out_of_service_on = '2026-11-01' where number = $1 returning number`,
      [phone],
    );
    await open(page, paths.dashboard);
    await expect(page.getByText(why)).toBeVisible();
    await open(page, preferences);
    await expect(page.getByText(why)).toBeVisible();
    await expect(page.getByText('Your agreement and your choices stay as they are')).toBeVisible();
    await expect(phoneState(page)).toHaveAttribute('data-phone-state', 'verified');
    await expect(phoneState(page)).toContainText('Verify again');
    await button(page, 'Verify this number again').click();
    await expectPage(page, paths.code);
    await expect(page.getByRole('link', { name: 'Change your number' })).toBeVisible();
    await expect(page.getByText('Change number')).toHaveCount(0);
    await enterCode(page, await readCode(phone, 3));
    await expectPage(page, paths.dashboard);
    await expect(page.getByText(why)).toHaveCount(0);
    await open(page, preferences);
    await expect(phoneState(page)).not.toContainText('Verify again');
    expect(await readConsents(phone)).toEqual(before);
    expect((await readAccounts(applicant.email))[0]).toMatchObject({ phone, verified: true });
  });

  test('a wrong password changes no number: it is refused beside its field, and the rest that was typed stays', async ({
    page,
  }) => {
    const { applicant, phone } = await registerVerified(page);
    const other = newNumber();
    await open(page, preferences);
    await page.getByText('Change my number').click();
    const change = formWith(page, sendCode);
    await field(change, 'phone').fill(writeNationally(other));
    await field(change, 'tcpaConsent').check();
    await field(change, 'currentPassword').fill('certainly another one');
    await button(change, sendCode).click();
    const error = page.locator('#change-currentPassword-error');
    await expect(error).toContainText('This is not your password. Nothing was changed.');
    await expect(alertOf(page).locator('a[href="#change-currentPassword"]')).toBeVisible();
    await expect(field(change, 'currentPassword')).toHaveAttribute('aria-invalid', 'true');
    await expect(field(change, 'currentPassword')).toHaveAttribute(
      'aria-describedby',
      /change-currentPassword-error/,
    );
    await expect(field(change, 'phone')).toHaveValue(/\d/);
    await expect(field(change, 'tcpaConsent')).toBeChecked();
    await expect(field(change, 'currentPassword')).toHaveValue('');

    await open(page, preferences);
    await page.getByText('Remove my number').click();
    const removal = formWith(page, 'Remove this number');
    await field(removal, 'currentPassword').fill('certainly another one');
    await button(removal, 'Remove this number').click();
    await expect(page.locator('#remove-currentPassword-error')).toContainText('This is not your password');
    expect(await countCodeTexts(other)).toBe(0);
    expect((await readAccounts(applicant.email))[0]).toMatchObject({ phone, verified: true });
  });

  test('the old number keeps working until the new one is proven; then it is told, and texts go to the new one', async ({
    page,
  }) => {
    const { applicant, phone: old } = await registerVerified(page, { updates: true });
    await awaitText(old, 'update');
    const phone = newNumber();
    await requestChange(page, phone, applicant.password);
    await expect(page.getByText(writeNationally(phone)).first()).toBeVisible();
    expect((await readAccounts(applicant.email))[0]).toMatchObject({ phone: old, verified: true });

    await open(page, preferences);
    await expect(phoneState(page)).toHaveAttribute('data-phone-state', 'verified');
    await expect(phoneState(page)).toContainText(writeNationally(old));
    await expect(page.getByText(`${writeNationally(phone)} is waiting for its code`)).toBeVisible();
    await button(page, 'Send me a test text').click();
    await awaitText(old, 'test');
    expect(readTexts(phone).map(({ purpose }) => purpose)).toEqual(['verification']);

    const code = await readCode(phone);
    await open(page, paths.code);
    await enterCode(page, code);
    await expectPage(page, paths.dashboard);
    expect((await readAccounts(applicant.email))[0]).toMatchObject({ phone, verified: true });
    expect((await awaitText(old, 'notice')).body).toContain('taken off your account');
    await open(page, preferences);
    await expect(phoneState(page)).toHaveAttribute('data-phone-state', 'verified');
    await expect(phoneState(page)).toContainText(writeNationally(phone));
    await button(page, 'Send me a test text').click();
    await awaitText(phone, 'test');
    await awaitText(old, 'test');
  });

  test('who keeps the old number after all has it as before, and the code to the other one is dead', async ({
    page,
  }) => {
    const { applicant, phone } = await registerVerified(page);
    const other = newNumber();
    await requestChange(page, other, applicant.password);
    await readCode(other);
    await open(page, preferences);
    await button(page, `Keep ${writeNationally(phone)}`).click();
    await expect(page.getByText('You kept your number.')).toBeVisible();
    await expect(page.getByText('is waiting for its code')).toHaveCount(0);
    expect((await readAccounts(applicant.email))[0]).toMatchObject({ phone, verified: true });
    expect(await readConsents(other)).toEqual([
      'granted verification by preferences',
      'withdrawn verification by number_removed',
    ]);
    // Nothing is left to enter the code for.
    await page.goto(paths.code);
    await expectPage(page, paths.dashboard);
  });

  test('a number is removed against the password, is told, and its consent ends', async ({
    page,
    javaScriptEnabled,
  }) => {
    const { applicant, phone } = await registerVerified(page, { updates: true });
    await open(page, preferences);
    await page.getByText('Remove my number').click();
    const removal = formWith(page, 'Remove this number');
    await field(removal, 'currentPassword').fill(applicant.password);
    await button(removal, 'Remove this number').click();
    await expect(page.getByText('Your number was removed.')).toBeVisible();
    if (javaScriptEnabled) await expect(page.getByRole('status').first()).toBeFocused();
    await expect(phoneState(page)).toHaveAttribute('data-phone-state', 'none');
    expect((await readAccounts(applicant.email))[0]).toMatchObject({ phone: null, verified: false });
    expect((await awaitText(phone, 'notice')).body).toContain('taken off your account');
    expect((await readConsents(phone)).slice(2).sort()).toEqual([
      'withdrawn updates by number_removed',
      'withdrawn verification by number_removed',
    ]);

    // The switch was left on, and still a number that is added is asked whether it is to get updates.
    expect(await readSwitches(applicant.email)).toMatchObject({ enabled: true });
    const next = newNumber();
    const form = formWith(page, sendCode);
    await field(form, 'phone').fill(writeNationally(next));
    await field(form, 'smsOptIn').check();
    await field(form, 'tcpaConsent').check();
    await button(form, sendCode).click();
    await expectPage(page, paths.code);
    expect((await readConsents(next)).sort()).toEqual([
      'granted updates by preferences',
      'granted verification by preferences',
    ]);
  });

  test('a page that shows another number than the account has by now changes nothing and says so', async ({
    page,
    context,
  }) => {
    const { applicant, phone } = await registerVerified(page);
    await open(page, preferences);
    const tab = await context.newPage();
    await open(tab, preferences);
    await tab.getByText('Remove my number').click();
    await field(formWith(tab, 'Remove this number'), 'currentPassword').fill(applicant.password);
    await button(tab, 'Remove this number').click();
    await expect(tab.getByText('Your number was removed.')).toBeVisible();

    const other = newNumber();
    await page.getByText('Change my number').click();
    const change = formWith(page, sendCode);
    await field(change, 'phone').fill(other);
    await field(change, 'tcpaConsent').check();
    await field(change, 'currentPassword').fill(applicant.password);
    await button(change, sendCode).click();
    await expect(phoneState(page)).toHaveAttribute('data-phone-state', 'none');
    expect((await readAccounts(applicant.email))[0]).toMatchObject({ phone: null });
    expect(await countCodeTexts(other)).toBe(0);
    expect(await countCodeTexts(phone)).toBe(1);
  });
});

test.describe('texts', () => {
  test('when another legal person runs the site, the preferences ask for consent again', async ({ page }) => {
    const { phone } = await registerVerified(page, { updates: true });
    // As if it had been given to another one: the ledger only grows.
    await readRows(
      `insert into sms_consents
         (at, user_id, phone, scope, action, medium, wording_version, wording, language, sender, legal_sender)
       select now(), user_id, phone, scope, 'granted', medium, wording_version, wording, language, sender, 'Other Housing LLC'
       from sms_consents where phone = $1 and action = 'granted'`,
      [phone],
    );
    await open(page, preferences);
    await expect(page.getByText('Text updates are on, but your agreement has ended')).toBeVisible();
    const form = textsForm(page);
    await button(form, 'Save text updates').click();
    await expect(alertOf(page)).toBeVisible();
    await expect(field(form, 'tcpaConsent')).toHaveAttribute('aria-invalid', 'true');

    await field(form, 'tcpaConsent').check();
    await button(form, 'Save text updates').click();
    await expect(page.getByText(/^Saved/)).toBeVisible();
    await expect(field(form, 'tcpaConsent')).toHaveCount(0);
    const [last] = await readRows(
      `select scope, legal_sender from sms_consents where phone = $1 order by id desc limit 1`,
      [phone],
    );
    expect(last).toEqual({ scope: 'updates', legal_sender: 'Example Housing, Inc.' });
  });

  test('turning them on needs consent to the words shown; each kind has its switch, and off is one tap', async ({
    page,
  }) => {
    const { applicant, phone } = await registerVerified(page);
    await open(page, preferences);
    const form = textsForm(page);
    await expect(field(form, 'smsEnabled')).not.toBeChecked();
    await expect(field(form, 'tcpaConsent')).not.toBeChecked();
    await expect(form.getByRole('group', { name: 'When updates are on, text me about' })).toBeVisible();
    await field(form, 'smsEnabled').check();
    await button(form, 'Save text updates').click();
    await expect(page.locator('#tcpaConsent-error')).toContainText('We need your agreement to text you');
    await expect(alertOf(page)).toBeVisible();
    await expect(field(form, 'smsEnabled')).toBeChecked();
    expect(await readSwitches(applicant.email)).toMatchObject({ enabled: false });
    expect(await readConsents(phone)).toEqual(['granted verification by registration']);

    const terms = await form.locator('[id$="tcpaConsent-terms"] p').allTextContents();
    const box = await form.locator('label:has([name="tcpaConsent"])').textContent();
    const wording = `${terms.join(' ')} [Box] ${box}`;
    await field(form, 'tcpaConsent').check();
    await button(form, 'Save text updates').click();
    await expect(form).toContainText('Saved: texts are on for application status, reminders, and security.');
    await expect(field(form, 'smsEnabled')).toBeChecked();
    await expect(form.getByRole('group', { name: 'Text me about', exact: true })).toBeVisible();
    await expect(field(form, 'tcpaConsent')).toHaveCount(0);
    expect(await readConsents(phone)).toEqual([
      'granted verification by registration',
      'granted updates by preferences',
    ]);
    const [row] = await readRows<{ wording: string }>(
      `select wording from sms_consents where phone = $1 and scope = 'updates'`,
      [phone],
    );
    expect(row!.wording.replaceAll(/ \(\/(terms|privacy)\)/g, '')).toBe(wording);
    expect((await awaitText(phone, 'update')).body).toContain('Reply HELP for help, STOP to opt out');

    await field(form, 'reminders').uncheck();
    await button(form, 'Save text updates').click();
    await expect(form).toContainText('Saved: texts are on for application status and security.');
    await expect(field(form, 'reminders')).not.toBeChecked();
    expect(await readSwitches(applicant.email)).toEqual({
      enabled: true,
      application_status: true,
      reminders: false,
      security: true,
    });

    await button(page, 'Turn all texts off').click();
    await expect(page.getByText('Saved: all texts are off')).toBeVisible();
    await expect(field(textsForm(page), 'smsEnabled')).not.toBeChecked();
    await expect(button(page, 'Turn all texts off')).toHaveCount(0);
    expect(await readSwitches(applicant.email)).toMatchObject({ enabled: false, reminders: false });
    expect((await readConsents(phone)).at(-1)).toBe('withdrawn updates by preferences');
  });

  test('what waits for the morning is withdrawn by the same tap', async ({ page }) => {
    const { applicant, phone } = await registerVerified(page, { updates: true });
    await awaitText(phone, 'update');
    await holdTextsNow(applicant.email);
    await open(page, preferences);
    await button(page, 'Send me a test text').click();
    await expect(page.getByText('Your quiet hours are on, so the test text will go out')).toBeVisible();
    await expect(page.getByText('Last test text:')).toContainText('Held for quiet hours. Goes out');
    await expect.poll(() => readTestTexts(phone)).toEqual([{ status: 'queued', reason: 'quiet_hours' }]);
    await button(page, 'Turn all texts off').click();
    await expect(page.getByText('Texts that were waiting will not be sent.')).toBeVisible();
    expect(await readTestTexts(phone)).toEqual([{ status: 'canceled', reason: 'turned_off' }]);
  });

  test('without a phone there is nothing to turn on, and the page says why', async ({ page }) => {
    await register(page);
    await open(page, preferences);
    await expect(page.getByText('Add a phone number first.')).toBeVisible();
    await expect(field(page, 'smsEnabled')).toHaveCount(0);
  });

  test('of two tabs the second to save is told what the first saved, and keeps what it chose', async ({
    page,
    context,
  }) => {
    const { applicant } = await registerVerified(page, { updates: true });
    await open(page, preferences);
    const tab = await context.newPage();
    await open(tab, preferences);
    await field(textsForm(tab), 'reminders').uncheck();
    await button(tab, 'Save text updates').click();
    await expect(textsForm(tab)).toContainText('Saved: texts are on for application status and security.');

    await field(textsForm(page), 'security').uncheck();
    await button(page, 'Save text updates').click();
    await expect(alertOf(page)).toContainText('Not saved');
    await expect(alertOf(page)).toContainText('texts are on for application status and security');
    await expect(field(textsForm(page), 'security')).not.toBeChecked();
    await expect(field(textsForm(page), 'reminders')).toBeChecked();
    expect(await readSwitches(applicant.email)).toMatchObject({ reminders: false, security: true });

    await button(page, 'Save text updates').click();
    await expect(textsForm(page)).toContainText('Saved: texts are on for application status and reminders.');
    expect(await readSwitches(applicant.email)).toMatchObject({ reminders: true, security: false });
  });

  test('who was signed out in another tab loses nothing: they sign in beside it and save', async ({
    page,
    context,
  }) => {
    const { applicant } = await registerVerified(page, { updates: true });
    await open(page, preferences);
    const tab = await context.newPage();
    await open(tab, paths.dashboard);
    await button(tab, 'Sign out').click();
    await expectPage(tab, paths.signIn);

    await field(textsForm(page), 'reminders').uncheck();
    await button(page, 'Save text updates').click();
    const link = page.getByRole('link', { name: 'Sign in in a new tab' });
    if (!(await isStillHere(page))) {
      // Without a script the answer is a whole page, which only someone signed in may see.
      await expectPage(page, paths.signIn);
      expect(new URL(page.url()).searchParams.get('next')).toBe(preferences);
      return;
    }
    await expect(link).toBeVisible();
    await expect(field(textsForm(page), 'reminders')).not.toBeChecked();
    expect(await readSwitches(applicant.email)).toMatchObject({ reminders: true });

    await signIn(tab, applicant);
    await expectPage(tab, paths.dashboard);
    await button(page, 'Save text updates').click();
    await expect(textsForm(page)).toContainText('Saved: texts are on for application status and security.');
    expect(await readSwitches(applicant.email)).toMatchObject({ reminders: false });
  });
});

test.describe('quiet hours', () => {
  test('their effect is said in words by an example before they are saved, and then they are saved', async ({
    page,
    javaScriptEnabled,
  }) => {
    const { email } = await register(page);
    await open(page, preferences);
    const form = hoursForm(page);
    await field(form, 'quietHoursStart').fill('22:00');
    await field(form, 'quietHoursEnd').fill('08:00');
    await field(form, 'timeZone').fill('phoenix');
    const before = sayInPhoenix(new Date());
    await expect(form.getByRole('status')).toContainText('Texts wait from');
    if (!javaScriptEnabled) {
      await button(form, 'Preview').click();
      await expect(form).toContainText('This is only a preview. Nothing was saved.');
    }
    const inWords = form.getByText('Texts wait from 10:00 PM to 8:00 AM, Phoenix time.');
    await expect(inWords).toHaveCount(1);
    expect([before, sayInPhoenix(new Date())]).toContain(await inWords.innerText());
    await expect(field(form, 'quietHoursStart')).toHaveValue('22:00');
    await expect(field(form, 'timeZone')).toHaveValue('phoenix');
    expect(await readHours(email)).toMatchObject({ hours: '20:00-09:00', version: 1 });

    await button(form, 'Save quiet hours').click();
    await expect(form).toContainText('Saved. Your quiet hours count from now on.');
    await expect(inWords).toHaveCount(1);
    expect(await readHours(email)).toEqual({
      on: true,
      hours: '22:00-08:00',
      zone: 'America/Phoenix',
      version: 2,
    });
    await open(page, preferences);
    await expect(field(form, 'quietHoursStart')).toHaveValue('22:00');
    await expect(field(form, 'quietHoursEnd')).toHaveValue('08:00');
    await expect(field(form, 'timeZone')).toHaveValue('Phoenix');
    await expect(inWords).toHaveCount(1);
  });

  test('equal ends hold nothing back, and neither do quiet hours that are off', async ({ page }) => {
    const { email } = await register(page);
    await open(page, preferences);
    const form = hoursForm(page);
    await field(form, 'quietHoursStart').fill('10:00');
    await field(form, 'quietHoursEnd').fill('10:00');
    await button(form, 'Save quiet hours').click();
    await expect(form).toContainText('Saved. No text waits: they start and end at the same time.');
    await expect(form).not.toContainText('count from now on');
    await expect(form).toContainText('They start and end at the same time, so no text is held back.');
    expect(await readHours(email)).toMatchObject({ on: true, hours: '10:00-10:00' });

    await field(form, 'quietHoursEnabled').uncheck();
    await button(form, 'Save quiet hours').click();
    await expect.poll(() => readHours(email)).toMatchObject({ on: false, version: 3 });
    await expect(form).toContainText('Saved. Your quiet hours are off.');
    await expect(form).toContainText('Without quiet hours, a text goes out as soon as it is ready.');
    await expect(field(form, 'quietHoursEnabled')).not.toBeChecked();
  });

  test('a zone or a time that is none is an error beside its field, and what was typed stays', async ({
    page,
  }) => {
    const { email } = await register(page);
    await open(page, preferences);
    const form = hoursForm(page);
    await field(form, 'quietHoursStart').fill('');
    await field(form, 'quietHoursEnd').fill('07:30');
    await field(form, 'timeZone').fill('Atlantis/Capital');
    await button(form, 'Save quiet hours').click();
    await expect(page.locator('#quietHoursStart-error')).toContainText('Enter a time');
    await expect(page.locator('#timeZone-error')).toContainText('We do not know this time zone');
    await expect(field(form, 'timeZone')).toHaveAttribute('aria-describedby', /timeZone-error/);
    await expect(alertOf(page).getByRole('link')).toHaveCount(2);
    await expect(field(form, 'quietHoursEnd')).toHaveValue('07:30');
    await expect(field(form, 'timeZone')).toHaveValue('Atlantis/Capital');
    expect(await readHours(email)).toMatchObject({ hours: '20:00-09:00', version: 1 });
  });

  test('of two tabs the second to save is told what the first saved, and keeps what was typed', async ({
    page,
    context,
  }) => {
    const { email } = await register(page);
    await open(page, preferences);
    const tab = await context.newPage();
    await open(tab, preferences);
    await field(hoursForm(tab), 'quietHoursStart').fill('21:00');
    await button(tab, 'Save quiet hours').click();
    await expect(hoursForm(tab)).toContainText('Saved.');

    const form = hoursForm(page);
    await field(form, 'quietHoursEnd').fill('07:15');
    await button(form, 'Save quiet hours').click();
    await expect(alertOf(page)).toContainText('Not saved');
    await expect(alertOf(page)).toContainText('They are now from 9:00 PM to 9:00 AM');
    await expect(field(form, 'quietHoursEnd')).toHaveValue('07:15');
    expect(await readHours(email)).toMatchObject({ hours: '21:00-09:00' });
    await button(form, 'Save quiet hours').click();
    await expect(form).toContainText('Saved.');
    expect(await readHours(email)).toMatchObject({ hours: '20:00-07:15' });
  });
});

test('times are those of the reader’s browser, without a script those of the saved zone by name, and never UTC', async ({
  page,
  javaScriptEnabled,
}) => {
  const { email } = await register(page);
  await readRows(
    `update sms_preferences set time_zone = 'Asia/Tokyo' where user_id = (select id from users where email = $1)`,
    [email],
  );
  await open(page, settingsPaths.security);
  const active = page.getByText(/^Last active/).first();
  // The browser is in New York.
  await expect(active).toContainText(javaScriptEnabled ? /\d [AP]M$/ : /\d [AP]M GMT\+9$/);
  const at = new Date((await active.locator('time').getAttribute('datetime'))!);
  const timeZone = javaScriptEnabled ? 'America/New_York' : 'Asia/Tokyo';
  const clock = at.toLocaleTimeString('en-US', { timeZone, hour: 'numeric', minute: '2-digit' });
  await expect(active).toContainText(clock.replace('\u202f', ' '));

  // Where no zone is known either, it is that of the operator's reports.
  await readRows(
    `update sms_preferences set time_zone = null where user_id = (select id from users where email = $1)`,
    [email],
  );
  for (const path of [paths.dashboard, preferences, record, settingsPaths.security]) {
    await open(page, path);
    await expect(page.getByText('UTC')).toHaveCount(0);
  }
  // This machine is no place.
  await expect(page.getByText('127.0.0.1')).toHaveCount(0);
});

test.describe('the record', () => {
  test('it has every text without its code, and every consent in the words that were shown', async ({
    page,
  }) => {
    await open(page, paths.register);
    const shown = await readWordingWithPaths(page);
    const { applicant, phone, code } = await registerVerified(page, { updates: true });
    await awaitText(phone, 'update');
    await open(page, preferences);
    await expect(page.getByText('•••••• is your Doorstep code.').first()).toBeVisible();
    await page.getByRole('link', { name: 'View, print or download everything' }).click();
    await expectPage(page, record);
    await expect(page.getByText('•••••• is your Doorstep code.')).toBeVisible();
    await expect(page.getByText('Welcome to text updates')).toBeVisible();
    await expect(page.getByText('You agreed to verification codes')).toBeVisible();
    await expect(page.getByText('You agreed to text updates')).toBeVisible();
    // Both were given in the same words, which are there once.
    await expect(page.getByText(`“${shown}”`)).toHaveCount(1);
    await expect(page.getByText('In these words:')).toHaveCount(2);
    expect(await page.content()).not.toContain(code);

    const downloading = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download as JSON' }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toMatch(/^doorstep-sms-record-\d{4}-\d\d-\d\d\.json$/);
    const file = readFileSync(await download.path(), 'utf8');
    expect(file).not.toContain(code);
    const json = JSON.parse(file) as {
      of: unknown;
      agreements: { action: string; scope: string; wording: string }[];
      texts: { template: string; body: string; status: string }[];
    };
    expect(json.of).toEqual({ name: applicant.name, email: applicant.email, phone });
    expect(json.agreements.map(({ action, scope, wording }) => ({ action, scope, wording }))).toEqual(
      expect.arrayContaining([
        { action: 'granted', scope: 'verification', wording: shown },
        { action: 'granted', scope: 'updates', wording: shown },
      ]),
    );
    expect(json.agreements).toHaveLength(2);
    expect(json.texts.map(({ template, status }) => `${template} ${status}`)).toEqual([
      'optInConfirmation sent',
      'verification sent',
    ]);
  });

  test('a test text goes out at once, is in the record, and the fourth within the hour is refused', async ({
    page,
  }) => {
    const { phone, applicant } = await registerVerified(page, { updates: true });
    await open(page, preferences);
    const form = formWith(page, 'Send me a test text');
    for (const nth of [1, 2, 3]) {
      await button(form, 'Send me a test text').click();
      const { body } = await awaitText(phone, 'test', nth);
      await expect(page.getByText('Last test text:')).toContainText(/On its way\.|Sent/);
      await expect(form.getByRole('status')).toHaveCount(0);
      expect(body).toContain('this is the test text you asked for');
      await open(page, preferences);
      await expect(page.getByText('Test text', { exact: true })).toHaveCount(nth);
      await expect(page.getByText('Last test text:')).toContainText(/Sent [A-Z][a-z]{2}, [A-Z][a-z]{2} \d/);
    }
    await readRows(
      `update sms_preferences set time_zone = 'Asia/Tokyo' where user_id = (select id from users where email_key = $1)`,
      [applicant.email.toLowerCase()],
    );
    await button(form, 'Send me a test text').click();
    await expect(alertOf(page)).toContainText(
      'That is enough test texts for now. You can send the next one in',
    );
    // By the clock of the page: the browser's, and without JavaScript that of the quiet hours.
    await expect(alertOf(page)).toContainText(
      (await runsScripts(page)) ? /[AP]M E[SD]T\)/ : /[AP]M GMT\+9\)/,
    );
    await open(page, record);
    await expect(page.getByText('Test text', { exact: true })).toHaveCount(3);
    await awaitText(phone, 'test', 3);
  });

  test('a number that is not verified is offered no test text', async ({ page }) => {
    const phone = newNumber();
    const { email } = await register(page, { phone, updates: true });
    await endQuietHours(email);
    await open(page, preferences);
    await expect(phoneState(page)).toHaveAttribute('data-phone-state', 'unverified');
    await expect(page.getByText('Text updates start once your number is verified')).toBeVisible();
    await expect(button(page, 'Send me a test text')).toHaveCount(0);
    await button(page, 'Verify this number').click();
    await expectPage(page, paths.code);
  });
});

/** Asks for another number on the preferences page, and waits for the page that asks for its code. */
async function requestChange(page: Page, phone: string, password: string): Promise<void> {
  await open(page, preferences);
  await page.getByText('Change my number').click();
  const change = formWith(page, sendCode);
  await field(change, 'phone').fill(phone);
  await field(change, 'tcpaConsent').check();
  await field(change, 'currentPassword').fill(password);
  await button(change, sendCode).click();
  await expectPage(page, paths.code);
}

/** The words of the agreement as the registration page shows them, each link followed by its path. */
async function readWordingWithPaths(page: Page): Promise<string> {
  const box = await page.locator('label', { has: field(page, 'tcpaConsent') }).textContent();
  const terms = await page.locator('#tcpaConsent-terms').evaluate((element) => {
    const copy = element.cloneNode(true) as HTMLElement;
    for (const link of copy.querySelectorAll('a')) link.append(` (${link.getAttribute('href')})`);
    return [...copy.children].map((line) => line.textContent).join(' ');
  });
  return `${terms} [Box] ${box}`;
}

async function isStillHere(page: Page): Promise<boolean> {
  await expect(
    page.getByRole('link', { name: 'Sign in in a new tab' }).or(button(page, 'Sign in')),
  ).toBeVisible();
  return new URL(page.url()).pathname === preferences;
}

/** Makes it quiet hours for this person, for two hours to come. */
async function holdTextsNow(email: string): Promise<void> {
  await readRows(
    `update sms_preferences
     set quiet_hours_enabled = true, time_zone = 'UTC',
         quiet_hours_start = to_char(now() at time zone 'UTC' - interval '1 hour', 'HH24:MI'),
         quiet_hours_end = to_char(now() at time zone 'UTC' + interval '2 hours', 'HH24:MI')
     where user_id = (select id from users where email = $1)`,
    [email],
  );
}

async function readTestTexts(phone: string): Promise<unknown[]> {
  return readRows(`select status, reason from sms_messages where phone = $1 and purpose = 'test'`, [phone]);
}

async function readSwitches(email: string): Promise<unknown> {
  const [row] = await readRows(
    `select enabled, application_status, reminders, security
     from sms_preferences join users on users.id = user_id where email = $1`,
    [email],
  );
  return row;
}

async function readHours(email: string): Promise<unknown> {
  const [row] = await readRows(
    `select quiet_hours_enabled as on, quiet_hours_start || '-' || quiet_hours_end as hours, time_zone as zone,
            quiet_hours_version as version
     from sms_preferences join users on users.id = user_id where email = $1`,
    [email],
  );
  return row;
}

/** What 22:00 to 08:00 mean in Phoenix, which is seven hours behind UTC all year, worked out by hand. */
function sayInPhoenix(now: Date): string {
  const local = new Date(now.getTime() - 7 * 3600 * 1000);
  const hour = local.getUTCHours();
  const minutes = String(local.getUTCMinutes()).padStart(2, '0');
  const clock = `${hour % 12 === 0 ? 12 : hour % 12}:${minutes} ${hour < 12 ? 'AM' : 'PM'}`;
  const morning = new Date(local.getTime() + (hour < 8 ? 0 : 24 * 3600 * 1000));
  const day = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][morning.getUTCDay()]!;
  const then = hour >= 8 && hour < 22 ? 'so no text waits' : `so texts wait until ${day} 8:00 AM`;
  return `Texts wait from 10:00 PM to 8:00 AM, Phoenix time. It is ${clock} there now, ${then}.`;
}
