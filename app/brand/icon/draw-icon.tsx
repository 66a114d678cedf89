import { ImageResponse } from 'next/og';
import { drawMark, embedMark, readBrandColors } from '@/app/brand/draw-mark';
import { drawOnce } from '@/app/brand/draw-once';
import { embedLogo } from '@/app/brand/embed-logo';
import { isWritable } from '@/app/brand/writable';
import { env } from '@/lib/env';

/** Logos are made for a light ground. */
const logoGround = '#ffffff';

/**
 * What the icon shows: the operator's logo, or the first letter of the site's name where the logo is too wide for a square. Without
 * a logo, and for a letter that cannot be drawn, the mark that pages have in their head.
 */
function chooseDrawing(): { src: string } | { letter: string } | null {
  const logo = embedLogo();
  if (logo === null) return null;
  if (!logo.isWordmark) return { src: logo.src };
  const letter = /[\p{L}\p{N}]/u.exec(env().siteName)?.[0].toUpperCase().at(0);
  return letter !== undefined && isWritable(letter) ? { letter } : null;
}

/** The icon as an SVG. */
export function drawIcon(): string {
  const drawing = chooseDrawing();
  if (drawing === null) return drawMark({ whole: false });
  const { accent, ink } = readBrandColors();
  const inside =
    'src' in drawing
      ? `<rect width="32" height="32" rx="8" fill="${logoGround}"/><image x="3" y="3" width="26" height="26" href="${drawing.src}"/>`
      : `<rect width="32" height="32" rx="8" fill="${accent}"/><text x="16" y="23.5" text-anchor="middle" font-family="system-ui, sans-serif" font-size="21" font-weight="600" fill="${ink}">${drawing.letter}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" viewBox="0 0 32 32">${inside}</svg>`;
}

/**
 * The icon as a PNG of so many pixels. `whole`: the ground fills the square, and what stands on it keeps away from the edges, as
 * systems want it that cut icons into a shape of their own.
 */
export function drawIconPng(size: number, { whole }: { whole: boolean }): Promise<Buffer<ArrayBuffer>> {
  return drawOnce(`icon ${size} ${whole}`, () => {
    const drawing = chooseDrawing();
    const { accent, ink } = readBrandColors();
    const room = Math.round(size * (whole ? 0.66 : 0.82));
    return new ImageResponse(
      <div
        style={{
          display: 'flex',
          alignItems: 'center',
          justifyContent: 'center',
          width: '100%',
          height: '100%',
          borderRadius: whole ? 0 : size / 4,
          background: drawing === null ? 'transparent' : 'src' in drawing ? logoGround : accent,
          color: ink,
          fontSize: room,
          lineHeight: 1,
        }}
      >
        {drawing === null ? (
          <img src={embedMark({ whole })} width={size} height={size} alt="" />
        ) : 'src' in drawing ? (
          <img src={drawing.src} width={room} height={room} style={{ objectFit: 'contain' }} alt="" />
        ) : (
          drawing.letter
        )}
      </div>,
      { width: size, height: size },
    );
  });
}
