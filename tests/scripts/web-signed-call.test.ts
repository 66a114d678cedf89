import { Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { env } from '@/lib/env';
import { webhookAccountSid, webhookTokens } from '@/lib/sms/webhooks/call';
import { signCall } from '@/lib/sms/webhooks/signature';
import { isSignedCall } from '../../scripts/web/signed-call';

const target = '/users/webhook/twilio/inbound?a=%20b';
const call = (url: string, headers: Record<string, string>) =>
  Object.assign(Readable.from([]), { method: 'POST', url, headers }) as unknown as IncomingMessage;

test('a call is signed by what the provider signs with, over the address as it was called', async () => {
  const fields = { AccountSid: webhookAccountSid(env()), From: '+12125550100', Body: 'STOP ünd' };
  const body = Buffer.from(new URLSearchParams(fields).toString());
  const signature = signCall(webhookTokens(env())[0]!, `${env().appUrl.origin}${target}`, fields);
  const headers = { 'x-twilio-signature': signature, 'x-doorstep-target': target };
  expect(await isSignedCall(call(target, headers), body)).toBe(true);
  expect(await isSignedCall(call(target, headers), Buffer.from(`${body.toString()}&x=1`))).toBe(false);
  expect(await isSignedCall(call(target, { 'x-doorstep-target': target }), body)).toBe(false);
  expect(await isSignedCall(call(target, { ...headers, 'x-doorstep-target': '/other' }), body)).toBe(true);
});
