import type { Env } from '@/lib/env';
import { deriveKey } from '@/lib/keys';
import { verifySignature, type FormParams } from './twilio-signature';

/** Twilio's calls are a few hundred bytes; nothing longer is read to its end. */
const longestBodyBytes = 16 * 1024;

/** The account that the development phone calls for, in place of TWILIO_ACCOUNT_SID. */
const developmentAccountSid = `AC${'0'.repeat(32)}`;

/** A verified call: who it speaks for, and what it says. Fields beyond those we know are harmless. */
export type WebhookCall = {
  ok: true;
  /** Whether it is about our account; other people's calls are to be ignored. */
  isOurs: boolean;
  fields: URLSearchParams;
  query: URLSearchParams;
};

/**
 * Reads a call of one of the webhooks and checks its signature, before anything else is done with it.
 *
 * The signature is checked against APP_URL's origin with the call's own path and query; the Host header plays no part.
 * Refuses with 413 once more than 16 KB have come, whatever Content-Length says, with 400 when the connection ends before
 * the body does, and with 403 without a valid signature.
 */
export async function readWebhookCall(
  request: Request,
  env: Env,
): Promise<WebhookCall | { ok: false; status: 400 | 403 | 413 }> {
  const read = await readBody(request);
  if (!read.ok) return read;
  const fields = new URLSearchParams(read.body);
  const url = new URL(request.url);
  const verified = verifySignature({
    tokens: webhookTokens(env),
    signature: request.headers.get('x-twilio-signature'),
    url: `${env.appUrl.origin}${readTarget(request, url)}`,
    params: groupFields(fields),
  });
  if (!verified) return { ok: false, status: 403 };
  const isOurs = fields.get('AccountSid') === webhookAccountSid(env);
  return { ok: true, isOurs, fields: withoutNul(fields), query: url.searchParams };
}

/**
 * What calls are signed with: Twilio's token where texts go out through Twilio; else a key of the development phone's
 * own, one per secret in AUTH_SECRET, the newest first, which is the one to sign with.
 */
export function webhookTokens(env: Pick<Env, 'twilio' | 'authSecrets'>): string[] {
  if (env.twilio !== null) return [env.twilio.authToken];
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
  for (const name of new Set(fields.keys())) {
    const values = fields.getAll(name);
    params[name] = values.length === 1 ? values[0]! : values;
  }
  return params;
}

async function readBody(
  request: Request,
): Promise<{ ok: true; body: string } | { ok: false; status: 400 | 413 }> {
  const tooLong = { ok: false, status: 413 } as const;
  if (Number(request.headers.get('content-length')) > longestBodyBytes) return tooLong;
  if (request.body === null) return { ok: true, body: '' };
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = request.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { ok: true, body: Buffer.concat(chunks).toString('utf8') };
      bytes += value.byteLength;
      if (bytes > longestBodyBytes) break;
      chunks.push(value);
    }
  } catch {
    return { ok: false, status: 400 };
  }
  await reader.cancel();
  return tooLong;
}
