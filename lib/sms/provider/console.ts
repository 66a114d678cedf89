import type { Provider } from './provider';
import { senderName } from '@/lib/sms/senders/sender';

/**
 * The provider of a developer's machine: prints each text as one line on standard output, and by that has sent it. There
 * are no receipts and nothing to look up; what a crash interrupted is printed again.
 *
 * The line is `[sms] to=+15551234567 purpose=verification body="…"`, the body JSON-quoted.
 */
export function openConsole(
  write: (line: string) => void = (line) => void process.stdout.write(line),
): Provider {
  return {
    name: 'console',
    sender: senderName({ twilio: null }, 'updates'),
    lookUpAfterMs: 0,
    firstCheckAfterMs: null,
    prepare: async () => undefined,
    sendText: async ({ to, purpose, body }) => {
      write(`[sms] to=${to} purpose=${purpose} body=${JSON.stringify(body)}\n`);
      return { outcome: 'accepted', sid: null, status: null, segments: null };
    },
    findTexts: async () => ({ ok: true, texts: [] }),
    listTexts: async () => ({ ok: true, texts: [], nextPage: null }),
    listInboxes: async () => ({ ok: true, numbers: [] }),
    readText: async () => ({ ok: true, text: null }),
    confirmEntry: async () => ({ ok: true }),
    readDeactivations: async () => ({ ok: true, count: 0 }),
  };
}
