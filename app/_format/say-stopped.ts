import type { StoppedTexts } from '@/lib/sms/numbers/opted-out';

const words: Record<StoppedTexts, string> = { all: 'texts', updates: 'updates', codes: 'codes' };

/** What a number has opted out of, as a badge says it: `Opted out of texts`. */
export function sayStopped(stopped: StoppedTexts): string {
  return `Opted out of ${words[stopped]}`;
}
