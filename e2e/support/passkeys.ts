import type { Page } from 'playwright/test';

/**
 * Gives a page's browser a device that keeps passkeys and recognizes its owner at once. `offersInField`: whether the browser
 * lists passkeys in the field for the email, where this device chooses one by itself.
 */
export async function giveAuthenticator(page: Page, { offersInField = false } = {}): Promise<void> {
  const client = await page.context().newCDPSession(page);
  await client.send('WebAuthn.enable');
  await client.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  if (offersInField) return;
  await page.addInitScript(() => {
    PublicKeyCredential.isConditionalMediationAvailable = () => Promise.resolve(false);
  });
}
