import { cookies } from 'next/headers';
import { pendingMaxAgeSeconds } from '@/lib/accounts/pending-life';
import { cookieName } from '@/lib/cookie-names';
import { env } from '@/lib/env';

const nameOf = () => cookieName('pending', env().appUrl);

/** The pending token of this browser; it opens the code page and nothing else. */
export async function readPendingCookie(): Promise<string | null> {
  return (await cookies()).get(nameOf())?.value ?? null;
}

export async function setPendingCookie(token: string): Promise<void> {
  (await cookies()).set(nameOf(), token, {
    httpOnly: true,
    secure: env().appUrl.protocol === 'https:',
    sameSite: 'lax',
    path: '/',
    maxAge: pendingMaxAgeSeconds,
  });
}

export async function clearPendingCookie(): Promise<void> {
  const jar = await cookies();
  if (!jar.has(nameOf())) return;
  jar.set(nameOf(), '', { secure: env().appUrl.protocol === 'https:', path: '/', maxAge: 0 });
}
