import type { MetadataRoute } from 'next';
import { connection } from 'next/server';
import { env } from '@/lib/env';

/**
 * What crawlers may fetch: in public everything, since only a page that is fetched can say that it is not to be listed
 * (app/layout.tsx); on localhost nothing.
 */
export default async function robots(): Promise<MetadataRoute.Robots> {
  await connection();
  const { isPublic, appUrl } = env();
  if (!isPublic) return { rules: { userAgent: '*', disallow: '/' } };
  return { rules: { userAgent: '*', allow: '/' }, sitemap: new URL('/sitemap.xml', appUrl).href };
}
