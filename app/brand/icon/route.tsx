import { ImageResponse } from 'next/og';
import { iconSizes, type IconSize } from '@/app/brand/brand-links';
import { drawMark, embedMark } from '@/app/brand/draw-mark';
import { drawOnce } from '@/app/brand/draw-once';
import { servePicture } from '@/app/brand/serve-picture';

/** The icon of the site as SVG, or as a PNG of a `size` that there is. */
export async function GET(request: Request): Promise<Response> {
  const asked = new URL(request.url).searchParams.get('size');
  if (asked === null) return servePicture(drawMark({ whole: false }), 'image/svg+xml');
  const size = iconSizes.find((each) => String(each) === asked);
  if (size === undefined) return new Response(null, { status: 404 });
  return servePicture(await drawOnce(`icon ${size}`, () => drawIcon(size)), 'image/png');
}

function drawIcon(size: IconSize): ImageResponse {
  return new ImageResponse(
    // eslint-disable-next-line @next/next/no-img-element -- this is no page
    <img src={embedMark({ whole: true })} width={size} height={size} alt="" />,
    { width: size, height: size },
  );
}
