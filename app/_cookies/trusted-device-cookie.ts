import { cookies } from 'next/headers';
import { trustMaxAgeSeconds } from '@/lib/accounts/trusted-devices';
import { cookieName } from '@/lib/cookie-names';
import { env } from '@/lib/env';

const nameOf = () => cookieName('trusted-device', env().appUrl);

/** What this browser shows to be asked for no second factor. */
export async function readTrustedDeviceCookie(): Promise<string | null> {
  return (await cookies()).get(nameOf())?.value ?? null;
}

/** In: the cookie as the account now knows it, which is another one after each use. */
export async function setTrustedDeviceCookie(value: string): Promise<void> {
  (await cookies()).set(nameOf(), value, {
    httpOnly: true,
    secure: env().appUrl.protocol === 'https:',
    sameSite: 'lax',
    path: '/',
    maxAge: trustMaxAgeSeconds,
  });
}
