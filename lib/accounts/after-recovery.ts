import { countsUntil } from '@/lib/stored-moment';

/** For so long after a password was set without the old one, nothing is given away that its owner would need to come back. */
const freezeMs = 72 * 3600 * 1000;

/**
 * Until when an account may not change its email or number, take its data along, or be deleted, because its password was set
 * without the old one: whoever did that may not be its owner, who needs time to notice. Null: it may. One ahead of now counts as of now.
 */
export function frozenUntil({ recoveredAt }: { recoveredAt: Date | null }, now: Date): Date | null {
  // A clock that was ahead, be it by less than that, must not end the owner's time early.
  const isAhead =
    recoveredAt !== null && recoveredAt > now && recoveredAt.getTime() <= now.getTime() + freezeMs;
  return countsUntil(isAhead ? now : recoveredAt, freezeMs, now);
}

/**
 * Whether the last reset of the password by mail also proved the email, which nothing had before: then a number that an applicant
 * had was taken off (`resetPassword`).
 */
export function wasProvenByReset({
  emailProvenAt,
  recoveredAt,
}: {
  emailProvenAt: Date | null;
  recoveredAt: Date | null;
}): boolean {
  return recoveredAt !== null && emailProvenAt?.getTime() === recoveredAt.getTime();
}
