import { ImageResponse } from 'next/og';
import { connection } from 'next/server';
import { embedMark, readBrandColors } from '@/app/brand/draw-mark';
import { drawOnce } from '@/app/brand/draw-once';
import { embedLogo } from '@/app/brand/embed-logo';
import { servePicture } from '@/app/brand/serve-picture';
import { isWritable } from '@/app/brand/writable';
import { env } from '@/lib/env';
import { pageGrounds } from '@/lib/site-colors';

const size = { width: 1200, height: 630 };
const padding = 96;
const logoHeight = 120;

/** The picture that others show beside a link to the site: its logo or mark, its name unless the logo says it, what it is for. */
export async function GET(): Promise<Response> {
  await connection();
  return servePicture(await drawOnce('social', drawCard), 'image/png');
}

function drawCard(): ImageResponse {
  const { siteName, siteTagline } = env();
  const { accent } = readBrandColors();
  const logo = embedLogo();
  const lines = [logo?.isWordmark === true ? '' : siteName, siteTagline ?? ''].map((line) =>
    isWritable(line) ? line : '',
  );
  const width =
    logo === null
      ? logoHeight
      : Math.min(size.width - 2 * padding, Math.round((logoHeight * logo.width) / logo.height));
  return new ImageResponse(
    <div
      style={{
        display: 'flex',
        flexDirection: 'column',
        justifyContent: 'center',
        width: '100%',
        height: '100%',
        padding,
        borderBottom: `24px solid ${accent}`,
        background: pageGrounds.light[0],
        color: '#16211d',
      }}
    >
      {/* eslint-disable-next-line @next/next/no-img-element -- this is no page */}
      <img src={logo?.src ?? embedMark({ whole: false })} width={width} height={logoHeight} alt="" />
      <div style={{ marginTop: 48, fontSize: 88 }}>{lines[0]}</div>
      <div style={{ marginTop: 16, fontSize: 40, lineHeight: 1.35, color: '#51605a' }}>{lines[1]}</div>
    </div>,
    size,
  );
}
