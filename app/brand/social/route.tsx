import { ImageResponse } from 'next/og';
import { connection } from 'next/server';
import { embedMark, readBrandColors } from '@/app/brand/draw-mark';
import { drawOnce } from '@/app/brand/draw-once';
import { servePicture } from '@/app/brand/serve-picture';
import { env } from '@/lib/env';
import { pageGrounds } from '@/lib/site-colors';

const size = { width: 1200, height: 630 };

/** What the font of `next/og` can write. For any other letter it would ask a server of Google's. */
const writable = /^[\x20-\x7e\xa0-\xff‘’“”–—…]*$/;

/** The picture that others show beside a link to the site: its logo or mark, its name and what it is for. */
export async function GET(): Promise<Response> {
  await connection();
  return servePicture(await drawOnce('social', drawCard), 'image/png');
}

function drawCard(): ImageResponse {
  const { siteName, siteTagline } = env();
  const { accent } = readBrandColors();
  const logo = embedLogo();
  const lines = [siteName, siteTagline ?? ''].map((line) => (writable.test(line) ? line : ''));
  return new ImageResponse(
    <div
      style={{
        display: 'flex',
        flexDirection: 'column',
        justifyContent: 'center',
        width: '100%',
        height: '100%',
        padding: 96,
        borderBottom: `24px solid ${accent}`,
        background: pageGrounds.light[0],
        color: '#16211d',
      }}
    >
      {/* eslint-disable-next-line @next/next/no-img-element -- this is no page */}
      <img src={logo?.src ?? embedMark({ whole: false })} width={logo?.width ?? 120} height={120} alt="" />
      <div style={{ marginTop: 48, fontSize: 88 }}>{lines[0]}</div>
      <div style={{ marginTop: 16, fontSize: 40, lineHeight: 1.35, color: '#51605a' }}>{lines[1]}</div>
    </div>,
    size,
  );
}

/** The operator's logo, 120 pixels high and no wider than the picture has room for; null: the project's own mark stands there. */
function embedLogo(): { src: string; width: number } | null {
  const { siteLogo } = env();
  if (siteLogo === null) return null;
  const { type, bytes, width, height } = siteLogo;
  return {
    src: `data:${type};base64,${bytes.toString('base64')}`,
    width: Math.min(size.width - 2 * 96, Math.round((120 * width) / height)),
  };
}
