import type { Db } from '@/db/client';
import { emailKey } from '@/lib/accounts/email';
import { networkOf } from '@/lib/client-address';
import { limitKeys } from '@/lib/rate-limits/hits';
import { limits } from '@/lib/rate-limits/limits';
import { takeOwnOrShared } from '@/lib/rate-limits/own-share';

/** Whether one more mail may go to an address; `refund` when none went after all. */
export type MailHit = { ok: true; refund: () => Promise<void> } | { ok: false; retryAt: Date };

/**
 * Counts one mail that someone's request sends to an address, so that nobody's mailbox is flooded by way of us. One network has
 * less than all of an address's share, so that it takes several to keep its owner from being written to; and a browser that
 * the account knows has a share of its own, which no stranger spends; all of an account's together have no more than twice that,
 * since each sign-in makes a browser known. Refuses with `retryAt`, the moment the next one is allowed.
 *
 * @param knownBrowser by what the account at the address knows this browser (the nonce of its mark); null: it does not
 */
export async function takeMailHit(
  db: Db,
  {
    email,
    address,
    knownBrowser = null,
    now,
  }: { email: string; address: string; knownBrowser?: string | null; now: Date },
): Promise<MailHit> {
  const name = emailKey(email);
  const network = networkOf(address);
  const ofNetwork = { keys: limitKeys('mail_network', [network]), rules: limits.mailsPerNetwork };
  const shared = [
    { keys: limitKeys('mail_address', [name]), rules: limits.mailsPerAddress },
    { keys: limitKeys('mail_address_network', [name, network]), rules: limits.mailsPerAddressAndNetwork },
    ofNetwork,
  ];
  const own =
    knownBrowser === null
      ? null
      : [
          { keys: limitKeys('mail_known_browser', [name, knownBrowser]), rules: limits.mailsPerKnownBrowser },
          { keys: limitKeys('mail_known_browsers', [name]), rules: limits.mailsPerKnownBrowsers },
        ];
  return takeOwnOrShared(db, { own, shared }, now);
}
