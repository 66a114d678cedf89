import { openTwilio } from '@/lib/sms/provider/twilio';
import type { FakeTwilio } from './fake-twilio';
import { accountSid, authToken, fromPhone } from './texts';

/** Twilio as the provider, by its real SDK, at a fake that was started with the account of the tests. */
export function openFakeProvider(
  fake: Pick<FakeTwilio, 'url'>,
  overrides: Partial<Parameters<typeof openTwilio>[0]> = {},
) {
  return openTwilio({
    accountSid,
    authTokens: [authToken],
    sender: { fromPhone },
    apiBaseUrl: fake.url,
    appUrl: new URL('http://localhost:3000'),
    isPublic: false,
    ...overrides,
  });
}
