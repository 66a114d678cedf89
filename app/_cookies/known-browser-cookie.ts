import { cookies } from 'next/headers';
import { addMark, knownBrowserMaxAgeSeconds } from '@/lib/auth/sign-in/known-browser';
import { cookieName } from '@/lib/cookie-names';
import { env } from '@/lib/env';

const nameOf = () => cookieName('known-browser', env().appUrl);

/** The marks of this browser, by which accounts know it; it opens nothing. Signing out leaves it. */
export async function readKnownBrowserCookie(): Promise<string | null> {
  return (await cookies()).get(nameOf())?.value ?? null;
}

/** Puts a new mark into this browser, beside those of other accounts. */
export async function rememberBrowser(mark: string): Promise<void> {
  const marks = addMark(await readKnownBrowserCookie(), mark);
  (await cookies()).set(nameOf(), marks, {
    httpOnly: true,
    secure: env().appUrl.protocol === 'https:',
    sameSite: 'lax',
    path: '/',
    maxAge: knownBrowserMaxAgeSeconds,
  });
}
