/** The addresses of pictures change with their content (brand-links.ts). */
const cacheControl = 'public, max-age=31536000, immutable';

/** An SVG that is opened as a page could run scripts: this policy lets nothing but its own styles work. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/** Answers a picture that may be kept for a year, and can do nothing. */
export function servePicture(
  body: string | Buffer<ArrayBuffer>,
  type: 'image/svg+xml' | 'image/png',
): Response {
  return new Response(body, {
    headers: {
      'content-type': type,
      'cache-control': cacheControl,
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
    },
  });
}
