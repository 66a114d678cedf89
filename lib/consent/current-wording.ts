import { env } from '@/lib/env';
import { fillInSender, latestWording, nameSenderOf, nameVersion, type Wording } from './wording';

/** The text to show now, and to record when someone agrees, with the names that the settings say, which are part of its version. */
export function currentWording(): Wording {
  const { siteName, operator } = env();
  return {
    ...latestWording,
    version: nameVersion(latestWording, siteName, operator.name),
    parts: fillInSender(latestWording, nameSenderOf(siteName, operator.name)),
  };
}
