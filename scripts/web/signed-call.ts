import type { IncomingMessage } from 'node:http';
import { env } from '@/lib/env';
import { readWebhookCall } from '@/lib/sms/webhooks/call';

/** Whether a call of a webhook, whose body has come, is signed by the provider: the webhook asks the same again. */
export async function isSignedCall(request: IncomingMessage, body: Buffer): Promise<boolean> {
  const headers = new Headers();
  for (const name of ['x-twilio-signature', 'x-doorstep-target']) {
    const value = request.headers[name];
    if (typeof value === 'string') headers.set(name, value);
  }
  const url = new URL(request.url ?? '/', env().appUrl);
  const call = await readWebhookCall(
    new Request(url, { method: 'POST', headers, body: new Uint8Array(body) }),
    env(),
  );
  return call.ok || call.reason === 'wrong_account';
}
