import { readdirSync } from 'node:fs';

/** Every path that a folder of Next's app router answers, with its ids as `[id]`: `/admin/users/[id]`. */
export function readRoutes(appFolder: string): string[] {
  return readdirSync(appFolder, { recursive: true, encoding: 'utf8' }).flatMap((file) => {
    const [, folder] = /^(.*?)\/?(?:page|route)\.tsx?$/.exec(file.replaceAll('\\', '/')) ?? [];
    if (folder === undefined) return [];
    return [
      `/${folder
        .split('/')
        .filter((part) => part !== '' && !/^\(.*\)$/.test(part))
        .join('/')}`,
    ];
  });
}

/**
 * Names what a request asks for without repeating anything of it: the path of a route, `/_next` for what Next itself serves, and
 * `none` for everything else. So no id, token or word of a stranger gets into the log.
 */
export function makeRouteNames(routes: readonly string[]): (target: string) => string {
  const fixed = new Set(routes.filter((route) => !route.includes('[')));
  const open = routes.filter((route) => route.includes('[')).map((route) => route.split('/'));
  return (target) => {
    const path = target.split('?', 1)[0]!.replace(/(?<=.)\/$/, '');
    if (fixed.has(path)) return path;
    if (path.startsWith('/_next/')) return '/_next';
    const parts = path.split('/');
    const fits = (route: readonly string[]) =>
      route.length === parts.length && route.every((part, at) => part.startsWith('[') || part === parts[at]);
    return open.find(fits)?.join('/') ?? 'none';
  };
}
