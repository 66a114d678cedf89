import type { Metadata, Viewport } from 'next';
import { headers } from 'next/headers';
import { connection } from 'next/server';
import type { ReactNode } from 'react';
import { linkToBrand } from '@/app/brand/brand-links';
import { indexedPaths } from '@/app/indexed-paths';
import { FocusOnArrival } from '@/components/ui/FocusOnArrival';
import { SiteNameProvider } from '@/components/ui/SiteName';
import { env } from '@/lib/env';
import { pageGrounds, writeColors } from '@/lib/site-colors';
import './globals.css';

export async function generateMetadata(): Promise<Metadata> {
  // The settings are those of the running server, not of the build.
  await connection();
  const { siteName, siteTagline, appUrl } = env();
  const listed = await findListedPath();
  const social = { url: linkToBrand('social'), width: 1200, height: 630, alt: siteName };
  return {
    metadataBase: appUrl,
    title: { default: siteName, template: `%s · ${siteName}` },
    description: siteTagline ?? 'Create your account, verify your phone and follow your application.',
    formatDetection: { telephone: false, email: false, address: false },
    icons: {
      // Browsers that know no SVG icons, and whoever asks without having read a page, take the first.
      icon: [
        { url: '/favicon.ico', sizes: '32x32' },
        { url: linkToBrand('icon'), type: 'image/svg+xml' },
      ],
      apple: { url: linkToBrand('icon', 180), sizes: '180x180' },
    },
    ...(listed === null
      ? { robots: { index: false, follow: false } }
      : {
          alternates: { canonical: listed },
          openGraph: { type: 'website', siteName, url: listed, images: social },
          twitter: { card: 'summary_large_image', images: social },
        }),
  };
}

/** The path of this page as it is listed, where search engines may list it; else null. */
async function findListedPath(): Promise<string | null> {
  // Set by proxy.ts, whatever the request said.
  const path = ((await headers()).get('x-path') ?? '').replace(/(?<=.)\/$/, '');
  return env().isPublic && indexedPaths.includes(path) ? path : null;
}

export const viewport: Viewport = {
  width: 'device-width',
  initialScale: 1,
  colorScheme: 'light dark',
  themeColor: [
    { media: '(prefers-color-scheme: light)', color: pageGrounds.light[0] },
    { media: '(prefers-color-scheme: dark)', color: pageGrounds.dark[0] },
  ],
};

/** Every page is rendered for its request, since the nonce of the content security policy is the request's. */
export default async function RootLayout({ children }: { children: ReactNode }) {
  await connection();
  const { siteName, siteLogo, siteColors } = env();
  const logo = siteLogo && {
    src: linkToBrand('logo'),
    width: siteLogo.width,
    height: siteLogo.height,
    isWordmark: siteLogo.isWordmark,
  };
  return (
    <html lang="en" data-scroll-behavior="smooth">
      {siteColors ? (
        <head>
          {/* Browsers hide a nonce from scripts once they have read it. */}
          <style nonce={(await headers()).get('x-nonce') ?? undefined} suppressHydrationWarning>
            {writeColors(siteColors)}
          </style>
        </head>
      ) : null}
      <body>
        <SiteNameProvider name={siteName} logo={logo}>
          {children}
        </SiteNameProvider>
        <FocusOnArrival />
      </body>
    </html>
  );
}
