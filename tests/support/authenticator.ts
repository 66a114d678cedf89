import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/server';
import { env } from '@/lib/env';

/** How a browser or a device behaves that is not as it should be. */
export type Quirks = {
  /** The site that the browser is on. */
  origin?: string;
  rpId?: string;
  /** Whether the device asked for a PIN or a finger. */
  verifiesUser?: boolean;
  /** What the device says how often this passkey was used; 0: it does not count. */
  counter?: number;
  /** Whose the passkey says it is, base64url. */
  userHandle?: string | null;
};

/** A passkey on a device, as WebAuthn knows it. */
export type SoftPasskey = { id: string; userHandle: string; privateKey: KeyObject };

/** Makes a passkey (WebAuthn 6.3.2, ES256, without attestation). Out: the passkey, and the browser's answer as JSON. */
export function makePasskey(
  options: PublicKeyCredentialCreationOptionsJSON,
  quirks: Quirks = {},
): { passkey: SoftPasskey; answer: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const rawId = randomBytes(32);
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const coseKey = cborMap([
    [cborInt(1), cborInt(2)],
    [cborInt(3), cborInt(-7)],
    [cborInt(-1), cborInt(1)],
    [cborInt(-2), cborBytes(Buffer.from(x, 'base64url'))],
    [cborInt(-3), cborBytes(Buffer.from(y, 'base64url'))],
  ]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(rawId.length);
  const credential = Buffer.concat([Buffer.alloc(16), length, rawId, coseKey]);
  const authData = authenticatorData(options.rp.id!, quirks, credential);
  const attestationObject = cborMap([
    [cborText('fmt'), cborText('none')],
    [cborText('attStmt'), cborMap([])],
    [cborText('authData'), cborBytes(authData)],
  ]);
  const id = rawId.toString('base64url');
  return {
    passkey: { id, userHandle: options.user.id, privateKey },
    answer: JSON.stringify({
      ...{ id, rawId: id, type: 'public-key', clientExtensionResults: {} },
      response: {
        clientDataJSON: clientData('webauthn.create', options.challenge, quirks).toString('base64url'),
        attestationObject: attestationObject.toString('base64url'),
        transports: ['internal', 'hybrid'],
      },
    }),
  };
}

/** Uses a passkey (WebAuthn 6.3.3). Out: the browser's answer as JSON. */
export function usePasskey(
  { id, userHandle, privateKey }: SoftPasskey,
  options: PublicKeyCredentialRequestOptionsJSON,
  quirks: Quirks = {},
): string {
  const authData = authenticatorData(options.rpId!, quirks);
  const clientDataJSON = clientData('webauthn.get', options.challenge, quirks);
  const signed = Buffer.concat([authData, createHash('sha256').update(clientDataJSON).digest()]);
  return JSON.stringify({
    ...{ id, rawId: id, type: 'public-key', clientExtensionResults: {} },
    response: {
      clientDataJSON: clientDataJSON.toString('base64url'),
      authenticatorData: authData.toString('base64url'),
      signature: sign('sha256', signed, privateKey).toString('base64url'),
      userHandle: quirks.userHandle === undefined ? userHandle : (quirks.userHandle ?? undefined),
    },
  });
}

function clientData(type: string, challenge: string, { origin = env().appUrl.origin }: Quirks): Buffer {
  return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }));
}

/** WebAuthn 6.1. */
function authenticatorData(
  ownRpId: string,
  { rpId = ownRpId, verifiesUser = true, counter = 0 }: Quirks,
  credential?: Buffer,
): Buffer {
  const [userPresent, userVerified, hasCredential] = [0x01, 0x04, 0x40];
  const head = Buffer.alloc(5);
  head.writeUInt8(userPresent | (verifiesUser ? userVerified : 0) | (credential ? hasCredential : 0));
  head.writeUInt32BE(counter, 1);
  const rpIdHash = createHash('sha256').update(rpId).digest();
  return Buffer.concat([rpIdHash, head, credential ?? Buffer.alloc(0)]);
}

// As much of CBOR (RFC 8949) as the above needs.

function cborHead(majorType: number, value: number): Buffer {
  const type = majorType << 5;
  if (value < 24) return Buffer.from([type | value]);
  if (value < 256) return Buffer.from([type | 24, value]);
  return Buffer.from([type | 25, value >> 8, value & 255]);
}

const cborInt = (value: number): Buffer => (value < 0 ? cborHead(1, -1 - value) : cborHead(0, value));
const cborBytes = (bytes: Buffer): Buffer => Buffer.concat([cborHead(2, bytes.length), bytes]);
const cborText = (text: string): Buffer => Buffer.concat([cborHead(3, text.length), Buffer.from(text)]);
const cborMap = (entries: [Buffer, Buffer][]): Buffer =>
  Buffer.concat([cborHead(5, entries.length), ...entries.flat()]);
