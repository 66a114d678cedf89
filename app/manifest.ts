import type { MetadataRoute } from 'next';
import { connection } from 'next/server';
import { env } from '@/lib/env';
import { pageGrounds } from '@/lib/site-colors';
import { linkToBrand } from './brand/brand-links';

/** What a phone needs to keep the site beside its apps. It keeps a button back, which pages rely on. */
export default async function manifest(): Promise<MetadataRoute.Manifest> {
  await connection();
  const { siteName, siteTagline } = env();
  const png = (size: 192 | 512) => ({
    src: linkToBrand('icon', size),
    sizes: `${size}x${size}`,
    type: 'image/png',
  });
  return {
    id: '/',
    name: siteName,
    short_name: siteName,
    description: siteTagline ?? undefined,
    start_url: '/',
    display: 'minimal-ui',
    background_color: pageGrounds.light[0],
    theme_color: pageGrounds.light[0],
    icons: [
      { src: linkToBrand('icon'), sizes: 'any', type: 'image/svg+xml' },
      png(192),
      png(512),
      { ...png(512), purpose: 'maskable' },
    ],
  };
}
