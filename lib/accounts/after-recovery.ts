/** For so long after a password was set without the old one, nothing is given away that its owner would need to come back. */
const freezeMs = 72 * 3600 * 1000;

/**
 * Until when an account may not change its email or number, take its data along, or be deleted, because its password was set
 * without the old one: whoever did that may not be its owner, who needs time to notice. Null: it may.
 */
export function frozenUntil({ recoveredAt }: { recoveredAt: Date | null }, now: Date): Date | null {
  const until = recoveredAt === null ? null : new Date(recoveredAt.getTime() + freezeMs);
  // One further ahead was written by a clock that was wrong.
  const isPlausible = until !== null && until.getTime() <= now.getTime() + 2 * freezeMs;
  return isPlausible && until > now ? until : null;
}
