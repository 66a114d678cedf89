import { createHash, randomBytes, randomUUID } from 'node:crypto';

/** A new row's id. */
export function newId(): string {
  return randomUUID();
}

/** Whether a text can be a row's id: a UUID in any case. What cannot is asked of no uuid column, which would throw. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** 32 random bytes: a token for a cookie or a grant (as base64url), of which only `hashToken` is ever stored. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** SHA-256 of a token: what the database keeps of it. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** The 32 random bytes that one challenge's code is derived from. */
export function newNonce(): Buffer {
  return randomBytes(32);
}
