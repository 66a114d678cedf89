import type { Metadata, Viewport } from 'next';
import { connection } from 'next/server';
import type { ReactNode } from 'react';
import { SiteNameProvider } from '@/components/ui/SiteName';
import { env } from '@/lib/env';
import './globals.css';

export async function generateMetadata(): Promise<Metadata> {
  // The settings are those of the running server, not of the build.
  await connection();
  const { siteName } = env();
  return {
    title: { default: siteName, template: `%s · ${siteName}` },
    description: 'Create your account, verify your phone and follow your application.',
    formatDetection: { telephone: false, email: false, address: false },
    robots: { index: false, follow: false },
  };
}

export const viewport: Viewport = {
  width: 'device-width',
  initialScale: 1,
  colorScheme: 'light dark',
  themeColor: [
    { media: '(prefers-color-scheme: light)', color: '#f6f6f3' },
    { media: '(prefers-color-scheme: dark)', color: '#0e1312' },
  ],
};

/** Every page is rendered for its request, since the nonce of the content security policy is the request's. */
export default async function RootLayout({ children }: { children: ReactNode }) {
  await connection();
  return (
    <html lang="en">
      <body>
        <SiteNameProvider name={env().siteName}>{children}</SiteNameProvider>
      </body>
    </html>
  );
}
