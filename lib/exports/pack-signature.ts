import { createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { deriveKey } from '@/lib/keys';

/** What a pack says of itself; another one when its files change their meaning. */
export const packFormat = 'doorstep-evidence/1';

/** RFC 8410: what stands before the 32 bytes of a private, and of a public, key of Ed25519. */
const privateHead = Buffer.from('302e020100300506032b657004220420', 'hex');
const publicHead = Buffer.from('302a300506032b6570032100', 'hex');

const signatureLength = 86;

/** The comment at the end of a ZIP: so long, whatever is in the ZIP, since its length is part of what is sealed. */
export const sealLength = packFormat.length + 1 + signatureLength;

export type Signature = { algorithm: 'Ed25519'; publicKey: string; signature: string };

/**
 * The key that signs packs, of one of the secrets: an Ed25519 key whose 32 bytes are derived for this purpose alone. Everyone who
 * has the public half can check a pack; only who has the secret can make one.
 */
function packKey(secret: string): KeyObject {
  const key = Buffer.concat([privateHead, deriveKey(secret, 'evidence-pack/v1')]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

/** The public half as it is passed on: its 32 bytes in hexadecimal, so that it is one word on any command line. */
export function publicPackKey(secret: string): string {
  const der = createPublicKey(packKey(secret)).export({ format: 'der', type: 'spki' });
  return der.subarray(publicHead.length).toString('hex');
}

/** Whether a text can be a public key. */
export function isPublicPackKey(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

function isSignedBy(publicKey: string, data: Buffer, signature: string): boolean {
  if (!isPublicPackKey(publicKey) || !/^[\w-]{86}$/.test(signature)) return false;
  const bytes = Buffer.from(signature, 'base64url');
  // Its last letter has bits to spare: only one spelling counts.
  if (bytes.toString('base64url') !== signature) return false;
  const key = Buffer.concat([publicHead, Buffer.from(publicKey, 'hex')]);
  try {
    return verify(null, data, createPublicKey({ key, format: 'der', type: 'spki' }), bytes);
  } catch {
    // 32 bytes that are no key.
    return false;
  }
}

/** Signs the bytes of a manifest under the first of the secrets. */
export function signManifest(manifest: Buffer, secret: string): Signature {
  const signature = sign(null, manifest, packKey(secret)).toString('base64url');
  return { algorithm: 'Ed25519', publicKey: publicPackKey(secret), signature };
}

/** Whether these are the bytes that were signed with the key that is named beside the signature, whoever's key that is. */
export function isManifestSigned(manifest: Buffer, { publicKey, signature }: Signature): boolean {
  return isSignedBy(publicKey, manifest, signature);
}

/** What is signed about a ZIP: the SHA-256 of all its bytes up to its comment. No manifest begins like this. */
function sealed(digest: Buffer): Buffer {
  return Buffer.from(`${packFormat} seal ${digest.toString('hex')}`);
}

/** The comment of a ZIP: it seals every byte before it, also those that no file has. */
export function writeSeal(digest: Buffer, secret: string): string {
  return `${packFormat} ${sign(null, sealed(digest), packKey(secret)).toString('base64url')}`;
}

/** Whether a comment seals these bytes with this key. */
export function isSeal(comment: string, digest: Buffer, publicKey: string): boolean {
  const head = `${packFormat} `;
  return comment.startsWith(head) && isSignedBy(publicKey, sealed(digest), comment.slice(head.length));
}

/** SHA-256 as manifests have it. */
export function hashOf(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}
