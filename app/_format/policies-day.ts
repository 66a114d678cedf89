import { policiesWrittenOn } from '@/lib/consent/wording';
import { env } from '@/lib/env';

/**
 * Since when the terms and the privacy policy hold as they are: the day that the operator sets, since their settings are in the words,
 * or the day on which the words were changed later than that.
 */
export function sayPoliciesDay(): string {
  const { policiesEffectiveOn } = env();
  const day =
    policiesEffectiveOn !== null && policiesEffectiveOn > policiesWrittenOn
      ? policiesEffectiveOn
      : policiesWrittenOn;
  return new Intl.DateTimeFormat('en-US', { dateStyle: 'long', timeZone: 'UTC' }).format(
    new Date(`${day}T00:00:00Z`),
  );
}
