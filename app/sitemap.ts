import type { MetadataRoute } from 'next';
import { connection } from 'next/server';
import { env } from '@/lib/env';
import { indexedPaths } from './indexed-paths';

/** The pages that may be listed; none on localhost. */
export default async function sitemap(): Promise<MetadataRoute.Sitemap> {
  await connection();
  const { isPublic, appUrl } = env();
  return isPublic ? indexedPaths.map((path) => ({ url: new URL(path, appUrl).href })) : [];
}
