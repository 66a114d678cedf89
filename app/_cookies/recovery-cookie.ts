import { cookies } from 'next/headers';
import { cookieName } from '@/lib/cookie-names';
import { env } from '@/lib/env';
import { limits } from '@/lib/rate-limits/limits';

const nameOf = () => cookieName('recovery', env().appUrl);

/** The token of this browser's recovery, without which the code of a text is worth nothing; it opens nothing by itself. */
export async function readRecoveryCookie(): Promise<string | null> {
  return (await cookies()).get(nameOf())?.value ?? null;
}

export async function setRecoveryCookie(token: string): Promise<void> {
  (await cookies()).set(nameOf(), token, {
    httpOnly: true,
    secure: env().appUrl.protocol === 'https:',
    sameSite: 'lax',
    path: '/',
    maxAge: limits.codeTtlSeconds,
  });
}

export async function clearRecoveryCookie(): Promise<void> {
  const jar = await cookies();
  if (!jar.has(nameOf())) return;
  jar.set(nameOf(), '', { secure: env().appUrl.protocol === 'https:', path: '/', maxAge: 0 });
}
