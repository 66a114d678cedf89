import { readRows } from '../support/database';
import { button, expectPage, field, open, paths, signIn, signOut } from '../support/journeys';
import { giveAuthenticator } from '../support/passkeys';
import { registerVerified } from '../support/settings';
import { makePerson, setUpApp, twoFactorPaths } from '../support/staff';
import { expect, test } from '../support/test';

const { secondStep, factors, confirm } = twoFactorPaths;
const offer = 'Next time, sign in without a password';

/** Makes whoever is signed in have shown who they are long ago. */
async function letConfirmationPass(userId: string): Promise<void> {
  await readRows(
    `update sessions set authenticated_at = authenticated_at - interval '11 minutes',
       second_factor_at = second_factor_at - interval '11 minutes' where user_id = $1`,
    [userId],
  );
}

test('a passkey is added, is the second step, signs in alone, confirms, and is removed', async ({ page }) => {
  await giveAuthenticator(page);
  const person = await makePerson('broker', { app: false });
  await signIn(page, person);
  await expectPage(page, factors);
  await field(page, 'passkeyName').fill('My test device');
  await button(page, 'Add a passkey').click();
  await expect(page.getByText('The passkey was added.')).toBeVisible();
  await expect(page.getByText('My test device')).toBeVisible();
  // The same device makes no second one for the same account.
  await button(page, 'Add a passkey').click();
  await expect(page.getByText('This device has a passkey for your account already.')).toBeVisible();
  await signOut(page);

  await signIn(page, person);
  await expectPage(page, secondStep);
  await button(page, 'Use a passkey').click();
  await expectPage(page, paths.dashboard);
  await signOut(page);

  await open(page, `${paths.signIn}?next=%2Fstaff%2Fopt-outs`);
  await button(page, 'Sign in with a passkey').click();
  await expectPage(page, '/staff/opt-outs');

  await letConfirmationPass(person.id);
  await open(page, factors);
  await expectPage(page, confirm);
  await button(page, 'Use a passkey').click();
  await expectPage(page, factors);
  // The role asks for a second factor, so the last one stays.
  await button(page, 'Remove this passkey').click();
  await expect(page.getByText('this one stays until you have added another')).toBeVisible();
  await setUpApp(page);
  await button(page, 'Remove this passkey').click();
  await expect(page.getByText('The passkey was removed.')).toBeVisible();
  await signOut(page);

  await open(page, paths.signIn);
  await button(page, 'Sign in with a passkey').click();
  await expect(page.getByText('That passkey did not sign you in')).toBeVisible();
  expect(new URL(page.url()).pathname).toBe(paths.signIn);
});

test('a browser that lists passkeys in the field for the email signs in from there', async ({ page }) => {
  await giveAuthenticator(page, { offersInField: true });
  const person = await makePerson('staff', { app: false });
  await signIn(page, person);
  await expectPage(page, factors);
  await button(page, 'Add a passkey').click();
  await expect(page.getByText('The passkey was added.')).toBeVisible();
  await button(page, 'Sign out').click();
  // The device chooses its passkey as soon as it is offered.
  await expectPage(page, paths.dashboard);
});

test('an applicant whose number is proven is offered a passkey once, and takes it', async ({ page }) => {
  await giveAuthenticator(page);
  await registerVerified(page);
  await expect(page.getByRole('heading', { name: offer })).toBeVisible();
  await button(page, 'Add a passkey').click();
  await expect(page.getByText('Your passkey was added.')).toBeVisible();
  await expect(page.getByRole('heading', { name: offer })).toHaveCount(0);
  await signOut(page);
  await button(page, 'Sign in with a passkey').click();
  await expectPage(page, paths.dashboard);
  await expect(page.getByRole('heading', { name: offer })).toHaveCount(0);
});

test('an applicant who wants no passkey is not asked again', async ({ page }) => {
  const { applicant } = await registerVerified(page);
  await button(page, 'Not now').click();
  await expect(page.getByRole('heading', { name: offer })).toHaveCount(0);
  await signOut(page);
  await signIn(page, applicant);
  await expectPage(page, paths.dashboard);
  await expect(page.getByRole('heading', { name: 'Hello', exact: false })).toBeVisible();
  await expect(page.getByRole('heading', { name: offer })).toHaveCount(0);
});

test('a browser without passkeys shows no button and no offer', async ({ page }) => {
  await page.addInitScript(() => {
    Reflect.deleteProperty(window, 'PublicKeyCredential');
  });
  await open(page, paths.signIn);
  await expect(button(page, 'Sign in')).toBeVisible();
  await expect(button(page, 'Sign in with a passkey')).toHaveCount(0);
  await registerVerified(page);
  await expect(page.getByRole('heading', { name: 'Hello', exact: false })).toBeVisible();
  await expect(page.getByRole('heading', { name: offer })).toHaveCount(0);
});

test('the sign-in page gets another challenge before the first is over, without a reload', async ({
  page,
}) => {
  await giveAuthenticator(page, { offersInField: true });
  const asked: string[] = [];
  page.on('response', (response) => {
    if (response.url().endsWith('/users/login/passkey')) asked.push(response.url());
  });
  await page.clock.install();
  await open(page, paths.signIn);
  await expect.poll(() => asked.length).toBe(1);
  await page.clock.fastForward('09:00');
  await expect.poll(() => asked.length).toBe(2);
});

test('a passkey that was refused can be tried again at once, with another challenge', async ({ page }) => {
  await giveAuthenticator(page);
  const challenges: string[] = [];
  await page.exposeFunction('noteChallenge', (challenge: string) => challenges.push(challenge));
  await page.addInitScript(() => {
    const get = navigator.credentials.get.bind(navigator.credentials);
    navigator.credentials.get = (options) => {
      const bytes = new Uint8Array(options!.publicKey!.challenge as ArrayBuffer);
      (window as unknown as { noteChallenge: (hex: string) => void }).noteChallenge(bytes.join());
      return get(options);
    };
  });
  const person = await makePerson('broker', { app: false });
  await signIn(page, person);
  await expectPage(page, factors);
  await button(page, 'Add a passkey').click();
  await expect(page.getByText('The passkey was added.')).toBeVisible();
  await open(page, confirm);
  // For a moment the server knows another passkey.
  await readRows(`update passkeys set credential_id = 'x' || credential_id where user_id = $1`, [person.id]);
  await button(page, 'Use a passkey').click();
  await expect(page.getByText('That passkey did not work here.')).toBeVisible();
  await readRows(`update passkeys set credential_id = substr(credential_id, 2) where user_id = $1`, [
    person.id,
  ]);
  await button(page, 'Use a passkey').click();
  await expect(page.getByRole('heading', { name: 'Thank you, it is you' })).toBeVisible();
  expect(challenges).toHaveLength(2);
  expect(challenges[0]).not.toBe(challenges[1]);
});
