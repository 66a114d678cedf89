import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { env } from '@/lib/env';
import { deriveKey } from '@/lib/keys';

/**
 * Seals a text (AES-256-GCM) for a link, since links end up in histories and access logs, or for a row that a copy of the database
 * must not tell. The same text always gives the same seal, so that links can be kept. `label` tells apart what is sealed for:
 * one opens nothing of another.
 */
export function seal(label: string, plain: string): string {
  const { key, ivKey } = keysOf(label, env().authSecrets[0]);
  // The nonce follows from the text, so no two texts ever share one.
  const iv = createHmac('sha256', ivKey).update(plain).digest().subarray(0, 12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url');
}

/** Opens what `seal` wrote under any of the secrets; null for anything else. */
export function unseal(label: string, sealed: string): string | null {
  const bytes = /^[\w-]{1,1500}$/.test(sealed) ? Buffer.from(sealed, 'base64url') : null;
  if (!bytes || bytes.length < 28) return null;
  for (const secret of env().authSecrets) {
    const decipher = createDecipheriv('aes-256-gcm', keysOf(label, secret).key, bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(12, 28));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
    } catch {
      // Sealed under another secret, or not by us.
    }
  }
  return null;
}

/** Which secret `seal` uses right now, without telling it. */
export function sealMark(): string {
  return markOf(env().authSecrets[0]);
}

/** The marks of the older secrets, which `unseal` still opens. */
export function olderSealMarks(): string[] {
  return env().authSecrets.slice(1).map(markOf);
}

function markOf(secret: string): string {
  return deriveKey(secret, 'seal-mark/v1', 6).toString('base64url');
}

function keysOf(label: string, secret: string): { key: Buffer; ivKey: Buffer } {
  return { key: deriveKey(secret, `${label}/v1`), ivKey: deriveKey(secret, `${label}-iv/v1`) };
}
