import { createHash } from 'node:crypto';
import { env } from '@/lib/env';

/** Sizes in which the icon can be had as a PNG: of home screens of iOS, and of the manifest. */
export const iconSizes = [180, 192, 512] as const;
export type IconSize = (typeof iconSizes)[number];

/** The address of a picture of the brand, which is another one whenever the settings that it follows are. */
export function linkToBrand(picture: 'logo' | 'icon' | 'social', size?: IconSize): string {
  const { siteName, siteTagline, siteColors, siteLogo } = env();
  const version = createHash('sha256')
    .update(JSON.stringify([siteName, siteTagline, siteColors, siteLogo?.version]))
    .digest('base64url')
    .slice(0, 12);
  return `/brand/${picture}?${size === undefined ? '' : `size=${size}&`}v=${version}`;
}
