/** How long a picture may be kept. The addresses of pictures change with their content (brand-links.ts); that of an icon file does not. */
const cacheControls = {
  'image/svg+xml': 'public, max-age=31536000, immutable',
  'image/png': 'public, max-age=31536000, immutable',
  'image/x-icon': 'public, max-age=86400',
};

/** An SVG that is opened as a page could run scripts: this policy lets nothing but its own styles work. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/** Answers a picture that may be kept, and can do nothing. */
export function servePicture(body: string | Buffer<ArrayBuffer>, type: keyof typeof cacheControls): Response {
  return new Response(body, {
    headers: {
      'content-type': type,
      'cache-control': cacheControls[type],
      'content-security-policy': policy,
      'x-content-type-options': 'nosniff',
    },
  });
}
