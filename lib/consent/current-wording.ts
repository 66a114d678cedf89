import { createHash } from 'node:crypto';
import { env } from '@/lib/env';
import { fillInSender, latestWording, nameSenderOf, type Wording } from './wording';

/**
 * The text to show now, and to record when someone agrees, with the names that the settings say. They are part of its version,
 * as a hash, so that a form that was opened under other names is told apart.
 */
export function currentWording(): Wording {
  const { siteName, operator } = env();
  const hash = createHash('sha256')
    .update(JSON.stringify([siteName, operator.name]))
    .digest('hex');
  return {
    ...latestWording,
    version: `${latestWording.version}-${hash.slice(0, 8)}`,
    parts: fillInSender(latestWording, nameSenderOf(siteName, operator.name)),
  };
}
