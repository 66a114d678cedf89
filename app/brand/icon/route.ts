import { iconSizes } from '@/app/brand/brand-links';
import { drawIcon, drawIconPng } from '@/app/brand/icon/draw-icon';
import { servePicture } from '@/app/brand/serve-picture';

/** The icon of the site as SVG, or as a PNG of a `size` that there is. */
export async function GET(request: Request): Promise<Response> {
  const asked = new URL(request.url).searchParams.get('size');
  if (asked === null) return servePicture(drawIcon(), 'image/svg+xml');
  const size = iconSizes.find((each) => String(each) === asked);
  if (size === undefined) return new Response(null, { status: 404 });
  return servePicture(await drawIconPng(size, { whole: true }), 'image/png');
}
