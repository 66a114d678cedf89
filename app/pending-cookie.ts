import { cookies } from 'next/headers';
import { pendingMaxAgeSeconds } from '@/lib/accounts/pending-life';
import { env } from '@/lib/env';

function cookieName(): string {
  return env().appUrl.protocol === 'https:' ? '__Host-doorstep-pending' : 'doorstep-pending';
}

/** The pending token of this browser; it opens the code page and nothing else. */
export async function readPendingCookie(): Promise<string | null> {
  return (await cookies()).get(cookieName())?.value ?? null;
}

export async function setPendingCookie(token: string): Promise<void> {
  (await cookies()).set(cookieName(), token, {
    httpOnly: true,
    secure: env().appUrl.protocol === 'https:',
    sameSite: 'lax',
    path: '/',
    maxAge: pendingMaxAgeSeconds,
  });
}

export async function clearPendingCookie(): Promise<void> {
  const jar = await cookies();
  if (!jar.has(cookieName())) return;
  jar.set(cookieName(), '', { secure: cookieName().startsWith('__Host-'), path: '/', maxAge: 0 });
}
