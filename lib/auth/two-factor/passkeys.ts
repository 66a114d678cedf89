import { and, asc, eq, gte } from 'drizzle-orm';
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type AuthenticatorTransportFuture,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
} from '@simplewebauthn/server';
import { z } from 'zod';
import { passkeys } from '@/db/schema/two-factor';
import type { Db, Tx } from '@/db/client';
import { env } from '@/lib/env';
import { isId, newId } from '@/lib/random';
import { anyone, challengeSeconds, isOurChallenge, newChallenge, spendChallenge } from './passkey-challenge';

/** So many an account may have. */
export const mostPasskeys = 10;

export type Passkey = typeof passkeys.$inferSelect;

/**
 * What a browser needs to make a passkey (WebAuthn 5.4): one that its device finds by itself and that asks for a PIN or a
 * finger.
 */
export async function passkeyCreationOptions(
  db: Db,
  { userId, email, name }: { userId: string; email: string; name: string },
  now: Date,
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const { siteName, appUrl } = env();
  const held = await listPasskeys(db, userId);
  return generateRegistrationOptions({
    rpName: siteName,
    rpID: appUrl.hostname,
    userName: email,
    userDisplayName: name,
    userID: handleOf(userId),
    challenge: newChallenge({ ceremony: 'create', userId }, now),
    timeout: challengeSeconds * 1000,
    excludeCredentials: held.map(({ credentialId, transports }) => ({
      id: credentialId,
      transports: transports as AuthenticatorTransportFuture[],
    })),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
  });
}

/**
 * What a browser needs to use a passkey. In: whose, or null where the passkey itself is to say whose it is. Of an account none is
 * named, so that nobody learns which it has.
 */
export async function passkeyRequestOptions(
  userId: string | null,
  now: Date,
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  return generateAuthenticationOptions({
    rpID: env().appUrl.hostname,
    challenge: newChallenge({ ceremony: 'get', userId: userId ?? anyone }, now),
    timeout: challengeSeconds * 1000,
    userVerification: 'required',
  });
}

/**
 * Stores a passkey that a browser has made for a person. In: its answer, as JSON. False: it is none to our challenge, was sent
 * before, or its credential is there already. The caller has locked the account.
 */
export async function addPasskey(
  tx: Tx,
  { userId, answer, name }: { userId: string; answer: string; name: string },
  now: Date,
): Promise<boolean> {
  const response = readAnswer(answer) as RegistrationResponseJSON | null;
  if (response === null) return false;
  const challenge = await checked((isOurs) =>
    verifyRegistrationResponse({
      response,
      expectedChallenge: isOurs({ ceremony: 'create', userId }, now),
      expectedOrigin: env().appUrl.origin,
      expectedRPID: env().appUrl.hostname,
      requireUserVerification: true,
    }),
  );
  if (challenge === null || !challenge.found.verified) return false;
  if (!(await spendChallenge(tx, challenge.challenge, now))) return false;
  const { credential, credentialBackedUp } = challenge.found.registrationInfo;
  const added = await tx
    .insert(passkeys)
    .values({
      id: newId(),
      userId,
      credentialId: credential.id,
      publicKey: Buffer.from(credential.publicKey),
      counter: credential.counter,
      transports: credential.transports ?? [],
      name,
      backedUp: credentialBackedUp,
      createdAt: now,
    })
    .onConflictDoNothing()
    .returning({ id: passkeys.id });
  return added.length > 0;
}

/**
 * Checks that a browser holds a passkey. In: its answer, as JSON, and whose passkey it has to be; null: anyone's. Out: whose it
 * is; null: it is no answer to our challenge, was sent before, comes from another site, is not verified by PIN or finger, is of
 * another account, or its counter went back, as that of a copy does (WebAuthn 7.2).
 */
export async function checkPasskey(
  db: Db | Tx,
  { answer, userId }: { answer: string; userId: string | null },
  now: Date,
): Promise<{ userId: string; passkeyId: string } | null> {
  const response = readAnswer(answer) as AuthenticationResponseJSON | null;
  if (response === null) return null;
  const [passkey] = await db.select().from(passkeys).where(eq(passkeys.credentialId, response.id));
  if (passkey === undefined || (userId !== null && passkey.userId !== userId)) return null;
  const { userHandle } = response.response;
  if (userHandle && userHandle !== Buffer.from(handleOf(passkey.userId)).toString('base64url')) return null;
  const verified = await checked((isOurs) =>
    verifyAuthenticationResponse({
      response,
      expectedChallenge: isOurs({ ceremony: 'get', userId: userId ?? anyone }, now),
      expectedOrigin: env().appUrl.origin,
      expectedRPID: env().appUrl.hostname,
      requireUserVerification: true,
      credential: {
        id: passkey.credentialId,
        publicKey: new Uint8Array(passkey.publicKey),
        counter: passkey.counter,
      },
    }),
  );
  if (verified === null || !verified.found.verified) return null;
  const { newCounter, credentialBackedUp } = verified.found.authenticationInfo;
  if (!(await spendChallenge(db, verified.challenge, now))) return null;
  const used = await db
    .update(passkeys)
    .set({ counter: newCounter, lastUsedAt: now, backedUp: credentialBackedUp })
    .where(and(eq(passkeys.id, passkey.id), eq(passkeys.counter, passkey.counter)))
    .returning({ userId: passkeys.userId, passkeyId: passkeys.id });
  return used[0] ?? null;
}

/** Whether a person has a passkey still, for who has locked their account. */
export async function holdsPasskey(tx: Tx, passkeyId: string): Promise<boolean> {
  const found = await tx.select({ id: passkeys.id }).from(passkeys).where(eq(passkeys.id, passkeyId));
  return found.length > 0;
}

/** A person's passkeys, the oldest first. */
export async function listPasskeys(db: Db | Tx, userId: string): Promise<Passkey[]> {
  return db.select().from(passkeys).where(eq(passkeys.userId, userId)).orderBy(asc(passkeys.createdAt));
}

/** Takes a passkey off its person; false: it is not theirs. */
export async function removePasskey(
  tx: Tx,
  { userId, passkeyId }: { userId: string; passkeyId: string },
): Promise<boolean> {
  if (!isId(passkeyId)) return false;
  const removed = await tx
    .delete(passkeys)
    .where(and(eq(passkeys.userId, userId), eq(passkeys.id, passkeyId)))
    .returning({ id: passkeys.id });
  return removed.length > 0;
}

/** Takes passkeys off a person: all, or those added by the change `since` or a later one. */
export async function removePasskeys(tx: Tx, userId: string, since: number | null): Promise<void> {
  const isNewer = since === null ? undefined : gte(passkeys.change, since);
  await tx.delete(passkeys).where(and(eq(passkeys.userId, userId), isNewer));
}

/** What a passkey calls its account: the bytes of its id, which say nothing about the person. */
function handleOf(userId: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(userId.replaceAll('-', ''), 'hex'));
}

const base64url = (most: number) => z.string().regex(new RegExp(`^[\\w-]{1,${most}}$`));

const answerShape = z.looseObject({
  id: base64url(1400),
  rawId: base64url(1400),
  type: z.literal('public-key'),
  response: z.looseObject({
    clientDataJSON: z.string(),
    userHandle: z.string().nullish(),
    // They only help a browser to find the passkey again.
    transports: z.array(base64url(20)).max(10).optional().catch(undefined),
  }),
  clientExtensionResults: z.looseObject({}).optional(),
});

/** A browser's answer, as far as it has the shape of one; the library looks at the rest. */
function readAnswer(answer: string): z.infer<typeof answerShape> | null {
  if (answer.length > 20_000) return null;
  try {
    const read = answerShape.safeParse(JSON.parse(answer));
    return read.success ? read.data : null;
  } catch {
    return null;
  }
}

/**
 * What the library finds, and the challenge that it looked at; null for what it refuses, which it does by throwing. `isOurs`
 * makes its question whether a challenge is one of ours.
 */
async function checked<Found>(
  verify: (
    isOurs: (use: Parameters<typeof isOurChallenge>[1], now: Date) => (given: string) => boolean,
  ) => Promise<Found>,
): Promise<{ found: Found; challenge: string } | null> {
  let challenge = '';
  try {
    const found = await verify((use, now) => (given) => {
      challenge = given;
      return isOurChallenge(given, use, now);
    });
    return { found, challenge };
  } catch {
    return null;
  }
}
