const ours = 'http://doorstep.invalid';
const plainPath = /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/;

/** A path of ours to go on to, from what a form or link says; anything that could lead elsewhere gives the dashboard. */
export function safePath(next: unknown): string {
  if (typeof next !== 'string' || !plainPath.test(next) || !URL.canParse(next, ours)) return '/dashboard';
  const url = new URL(next, ours);
  const path = url.pathname + url.search;
  // Dot segments are gone only now: what began as `/.//` may begin with `//`, which is another host.
  return url.origin === ours && plainPath.test(path) ? path : '/dashboard';
}
