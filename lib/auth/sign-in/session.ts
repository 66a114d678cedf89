import { cache } from 'react';
import { cookies, headers } from 'next/headers';
import { forbidden, redirect } from 'next/navigation';
import NextAuth from 'next-auth';
import { decode } from 'next-auth/jwt';
import Credentials from 'next-auth/providers/credentials';
import type { Role } from '@/db/schema/accounts';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import {
  endSession,
  readSession,
  redeemLoginGrant,
  sessionMaxAgeSeconds,
  type SessionUser,
} from '@/lib/accounts/sessions';
import { recordAudit } from '@/lib/audit';
import { clientAddress } from '@/lib/client-address';
import type { RequestContext } from '@/lib/context';
import { cookieName } from '@/lib/cookie-names';
import { env } from '@/lib/env';
import { openLog } from '@/lib/log';
import { makeAuthLog, nameAuthError, unreadableCookie } from './auth-log';

declare module 'next-auth' {
  interface User {
    sessionId?: string;
  }
}

const noteAuthError = makeAuthLog(openLog);

/**
 * The cookie is Auth.js's encrypted token and holds nothing but a session's id; the session itself is a row that is asked
 * for on every request. The one provider takes nothing but a login grant, which only a checked password or code mints.
 */
const nextAuth = NextAuth(() => {
  const secure = env().appUrl.protocol === 'https:';
  const named = (cookie: 'session' | 'callback-url') => ({
    name: cookieName(cookie, env().appUrl),
    options: { httpOnly: true, sameSite: 'lax' as const, path: '/', secure },
  });
  return {
    secret: env().authSecrets,
    trustHost: true,
    useSecureCookies: secure,
    session: { strategy: 'jwt', maxAge: sessionMaxAgeSeconds },
    // Auth.js signs nobody in whose callback cookie is malformed. By the name it has of its own, another app of this host or
    // domain could leave one.
    cookies: { sessionToken: named('session'), callbackUrl: named('callback-url') },
    providers: [
      Credentials({
        credentials: { grant: {} },
        authorize: async ({ grant }) => {
          if (typeof grant !== 'string') return null;
          return redeemLoginGrant(db(), grant, await readRequestContext());
        },
      }),
    ],
    callbacks: {
      jwt: ({ token, user }) => (user?.sessionId ? { sessionId: user.sessionId } : token),
    },
    logger: { error: (error) => noteAuthError(nameAuthError(error), databaseNow()) },
  };
});

/** We lead on ourselves. Without `redirectTo` Auth.js reads Referer, which may be no URL, and fails. */
const leadNowhere = { redirect: false, redirectTo: '/' } as const;

/** Who asks and when, of the request that is being answered. */
export async function readRequestContext(): Promise<RequestContext> {
  const list = await headers();
  return {
    now: databaseNow(),
    address: clientAddress(list.get('x-forwarded-for') ?? '', env().trustedProxyHops),
    userAgent: list.get('user-agent')?.slice(0, 400) ?? null,
  };
}

/** Spends a login grant and signs this browser in. False: the grant is over; the person signs in by password. */
export async function signInWithGrant(grant: string): Promise<boolean> {
  // The session that this browser had ends with the new one's beginning (OWASP ASVS 5.0 7.2.4).
  const earlier = await readAnySession();
  try {
    await nextAuth.signIn('credentials', { grant, ...leadNowhere });
    if (earlier) await endSession(db(), earlier.sessionId);
    return true;
  } catch (error) {
    if (error instanceof Error && nameAuthError(error) === 'CredentialsSignin') return false;
    throw error;
  }
}

/** The session of this browser, whatever it is good for. Asked once per request. */
const readAnySession = cache(async (): Promise<SessionUser | null> => {
  const sessionId = await readSessionId();
  return sessionId === null ? null : readSession(db(), sessionId, databaseNow());
});

/**
 * The id in this browser's cookie; null: there is none that we wrote, or none any more. Auth.js itself would write a new cookie on
 * each read, which a page cannot set.
 */
async function readSessionId(): Promise<string | null> {
  const name = cookieName('session', env().appUrl);
  const token = (await cookies()).get(name)?.value;
  if (token === undefined) return null;
  const content = await decode({ token, secret: [...env().authSecrets], salt: name }).catch(() => {
    noteAuthError(unreadableCookie, databaseNow());
    return null;
  });
  return typeof content?.sessionId === 'string' ? content.sessionId : null;
}

/** Who is signed in, or null: also where a second factor is still to be set up, or was never shown. */
export async function readUser(): Promise<SessionUser | null> {
  const user = await readAnySession();
  return user?.standing === 'open' ? user : null;
}

/** The same, but also who first has to set up a second factor: for the pages that they do it on, and for these alone. */
export async function readEnrollingUser(): Promise<SessionUser | null> {
  const user = await readAnySession();
  return user?.standing === 'shut' ? null : user;
}

const enrollmentPath = '/users/security/two-factor';

/** Leads nobody in particular to the sign-in page, and back here after it; and who lacks a second factor to set it up. */
export async function requireUser(returnTo: string): Promise<SessionUser> {
  const user = await requireEnrollingUser(returnTo);
  return user.standing === 'open' ? user : redirect(enrollmentPath);
}

/** The same for the pages on which a second factor is set up. */
export async function requireEnrollingUser(returnTo: string): Promise<SessionUser> {
  return (await readEnrollingUser()) ?? redirect(`/users/login?next=${encodeURIComponent(returnTo)}`);
}

/** 403 for someone of another role. */
export async function requireRole(returnTo: string, ...roles: Role[]): Promise<SessionUser> {
  const user = await requireUser(returnTo);
  return roles.includes(user.role) ? user : forbidden();
}

/** Ends this browser's session, row and cookie. */
export async function endCurrentSession(): Promise<void> {
  const user = await readAnySession();
  if (user) {
    const context = await readRequestContext();
    await db().transaction(async (tx) => {
      await endSession(tx, user.sessionId);
      await recordAudit(tx, { action: 'signed_out', userId: user.userId }, context);
    });
  }
  await nextAuth.signOut(leadNowhere);
}

/** Takes this browser's cookie away, where the session behind it is gone already. */
export async function forgetSession(): Promise<void> {
  await nextAuth.signOut(leadNowhere);
}
