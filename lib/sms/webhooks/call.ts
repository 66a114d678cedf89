import type { RefusalReason } from '@/db/schema/sms';
import { maxWebhookBytes } from '@/lib/body-limit';
import type { Env } from '@/lib/env';
import { deriveKey } from '@/lib/keys';
import { verifySignature, type FormParams } from './signature';

/** Twilio's have a few dozen fields. A signature is worked out over all of them, several times, before anyone is known. */
const mostFields = 500;

/** The account that the development phone calls for, in place of TWILIO_ACCOUNT_SID. */
const developmentAccountSid = `AC${'0'.repeat(32)}`;

/** A verified call about our account, and what it says. Fields beyond those we know are harmless. */
export type WebhookCall = {
  ok: true;
  fields: URLSearchParams;
  query: URLSearchParams;
};

/** A call that is not heard; `namesUs`: it names our account, as far as it was read. */
export type RefusedCall = {
  ok: false;
  status: 204 | 400 | 403 | 405 | 413;
  reason: RefusalReason;
  namesUs: boolean;
};

/**
 * Reads a call of one of the webhooks and checks its signature, before anything else is done with it.
 *
 * The signature is checked against APP_URL's origin with the call's own path and query; the Host header plays no part.
 * Refuses with 413 once more than 16 KB have come, whatever Content-Length says, or more than 500 fields, with 400 when the
 * connection ends before the body does, with 403 without a valid signature, and with 405 what is no POST. A call that is signed
 * and about another account is answered 204.
 */
export async function readWebhookCall(request: Request, env: Env): Promise<WebhookCall | RefusedCall> {
  const url = new URL(request.url);
  const read = await readBody(request);
  const fields = new URLSearchParams(read.body);
  const named = [fields, url.searchParams].map((each) => each.get('AccountSid'));
  const namesUs = named.includes(webhookAccountSid(env));
  const refuse = (status: RefusedCall['status'], reason: RefusalReason): RefusedCall => ({
    ok: false,
    status,
    reason,
    namesUs,
  });
  if (request.method !== 'POST') return refuse(405, 'wrong_method');
  if (read.fault !== null) return refuse(read.fault === 'too_long' ? 413 : 400, read.fault);
  if (fields.size > mostFields) return refuse(413, 'too_long');
  const signature = request.headers.get('x-twilio-signature');
  if (!signature) return refuse(403, 'no_signature');
  const verified = verifySignature({
    tokens: webhookTokens(env),
    signature,
    url: `${env.appUrl.origin}${readTarget(request, url)}`,
    params: groupFields(fields),
  });
  if (!verified) return refuse(403, 'wrong_signature');
  if (fields.get('AccountSid') !== webhookAccountSid(env)) return refuse(204, 'wrong_account');
  return { ok: true, fields: withoutNul(fields), query: url.searchParams };
}

/**
 * What calls are signed with: one of Twilio's tokens where texts go out through Twilio; else a key of the development phone's
 * own, one per secret in AUTH_SECRET, the newest first, which is the one to sign with.
 */
export function webhookTokens(env: Pick<Env, 'twilio' | 'authSecrets'>): string[] {
  if (env.twilio !== null) return env.twilio.authTokens;
  return env.authSecrets.map((secret) => deriveKey(secret, 'dev-phone/v1').toString('base64url'));
}

/** The account that calls must be about. */
export function webhookAccountSid(env: Pick<Env, 'twilio'>): string {
  return env.twilio?.accountSid ?? developmentAccountSid;
}

/** Path and query as they were called: our listener keeps them (scripts/web/examine-request.ts). */
function readTarget(request: Request, url: URL): string {
  const target = request.headers.get('x-doorstep-target');
  const withoutSlash = (path: string) => path.replace(/\/$/, '');
  // Where there is no listener the header is the caller's word, and must not lead a call to another route.
  const isThisRoute = target !== null && withoutSlash(target.split('?')[0]!) === withoutSlash(url.pathname);
  return isThisRoute ? target : `${url.pathname}${url.search}`;
}

/** PostgreSQL has no NUL in text; the signature was checked with it. */
function withoutNul(fields: URLSearchParams): URLSearchParams {
  return new URLSearchParams([...fields].map(([name, value]) => [name, value.replaceAll('\0', '')]));
}

function groupFields(fields: URLSearchParams): FormParams {
  const params: FormParams = Object.create(null) as FormParams;
  // One pass: asking for each name again would be slow for thousands of names, and nobody has signed anything yet.
  for (const [name, value] of fields) {
    const known = params[name];
    if (known === undefined) params[name] = value;
    else if (typeof known === 'string') params[name] = [known, value];
    else known.push(value);
  }
  return params;
}

/** Reads 16 KB at most. With a fault, `body` is what came before it. */
async function readBody(request: Request): Promise<{ body: string; fault: 'too_long' | 'cut' | null }> {
  if (request.body === null) return { body: '', fault: null };
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = request.body.getReader();
  const end = (fault: 'too_long' | 'cut' | null) => ({
    body: Buffer.concat(chunks).toString('utf8', 0, maxWebhookBytes),
    fault,
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return end(null);
      bytes += value.byteLength;
      chunks.push(value);
      if (bytes > maxWebhookBytes) break;
    }
  } catch {
    return end('cut');
  }
  await reader.cancel();
  return end('too_long');
}
