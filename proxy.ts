import { NextResponse, type NextRequest } from 'next/server';

/** Gives every page a fresh nonce and a content security policy that runs nothing else. */
export function proxy(request: NextRequest): NextResponse {
  const nonce = btoa(crypto.randomUUID());
  const development = process.env.NODE_ENV === 'development';
  const secure = process.env.APP_URL?.startsWith('https:') ?? false;
  const policy = [
    `default-src 'self'`,
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${development ? ` 'unsafe-eval'` : ''}`,
    `style-src 'self' ${development ? `'unsafe-inline'` : `'nonce-${nonce}'`}`,
    `img-src 'self' data:`,
    `object-src 'none'`,
    `base-uri 'none'`,
    `form-action 'self'`,
    `frame-ancestors 'none'`,
    ...(secure ? ['upgrade-insecure-requests'] : []),
  ].join('; ');
  const headers = new Headers(request.headers);
  headers.set('x-nonce', nonce);
  // A layout is not told which page it is for.
  headers.set('x-path', request.nextUrl.pathname);
  headers.set('content-security-policy', policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set('content-security-policy', policy);
  if (secure) response.headers.set('strict-transport-security', 'max-age=63072000; includeSubDomains');
  return response;
}

// Before a request that passes here Next reads its body to the end. A webhook reads its own, and only as far as it needs;
// what it answers is no page. Pictures of the brand bring a stricter policy of their own (app/brand/serve-picture.ts).
export const config = {
  matcher: [
    {
      source:
        '/((?!_next/static/|_next/image|favicon\\.ico$|brand/(?:logo|icon|social)/?$|users/webhook/twilio/?$|users/webhook/twilio/inbound/?$).*)',
    },
  ],
};
