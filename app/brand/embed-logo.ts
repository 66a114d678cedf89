import { env, type Env } from '@/lib/env';

type EmbeddedLogo = Pick<NonNullable<Env['siteLogo']>, 'width' | 'height' | 'isWordmark'> & { src: string };

/** The operator's logo as an address that a drawing can have inside; null: there is none. */
export function embedLogo(): EmbeddedLogo | null {
  const { siteLogo } = env();
  if (siteLogo === null) return null;
  const { type, bytes, width, height, isWordmark } = siteLogo;
  return { src: `data:${type};base64,${bytes.toString('base64')}`, width, height, isWordmark };
}
