import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { extname } from 'node:path';

/**
 * The operator's logo, as it is served: the file's bytes, its size in its own units, whether it says the name itself, and a mark
 * that changes with its content.
 */
export type SiteLogo = {
  type: 'image/svg+xml' | 'image/png';
  bytes: Buffer;
  width: number;
  height: number;
  isWordmark: boolean;
  version: string;
};

/** So much wider than high, a logo is a wordmark: it says the name itself. */
const wordmark = 2;

const mostBytes = 200_000;

/**
 * Reads the logo from a file of this machine. A logo at another address is not taken: each visitor would be told to that site, and
 * the page would wait for it.
 *
 * @param path of an SVG or PNG file, absolute or from the project's folder
 * Refuses, in words that follow the name of the setting, what cannot be read, is no such picture, has no size, is larger than
 * 200 KB, or holds scripts.
 */
export function readSiteLogo(path: string): { ok: true; value: SiteLogo } | { ok: false; problem: string } {
  const refuse = (problem: string) => ({ ok: false, problem }) as const;
  const extension = extname(path).toLowerCase();
  if (/^[a-z]+:\/\//i.test(path) || (extension !== '.svg' && extension !== '.png')) {
    return refuse(`must be the path of an SVG or PNG file on this machine, not "${path}"`);
  }
  let bytes: Buffer;
  try {
    const { size } = statSync(path);
    if (size > mostBytes)
      return refuse(`must be a file of at most ${mostBytes / 1000} KB: "${path}" is larger`);
    bytes = readFileSync(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    return refuse(code === 'ENOENT' ? `names no file: "${path}"` : `cannot be read from "${path}" (${code})`);
  }
  const type = extension === '.svg' ? 'image/svg+xml' : 'image/png';
  const size = type === 'image/png' ? measurePng(bytes) : measureSvg(bytes.toString('utf8'));
  if (typeof size === 'string') return refuse(`${size}: "${path}"`);
  const version = createHash('sha256').update(bytes).digest('base64url').slice(0, 12);
  const isWordmark = size.width > wordmark * size.height;
  return { ok: true, value: { type, bytes, ...size, isWordmark, version } };
}

type Size = { width: number; height: number };

const pngStart = Buffer.from('89504e470d0a1a0a', 'hex');

/** The first part of a PNG is its header, with the size (PNG specification, 11.2.1). */
function measurePng(bytes: Buffer): Size | string {
  if (bytes.length < 24 || !bytes.subarray(0, 8).equals(pngStart)) return 'is no PNG file';
  const size = { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  return size.width > 0 && size.height > 0 ? size : 'has no width and height';
}

function measureSvg(text: string): Size | string {
  const tag = /<svg\b[^>]*>/i.exec(text)?.[0];
  if (tag === undefined) return 'is no SVG file';
  // What serves it lets no script run either (app/brand/logo/route.ts).
  if (/<script\b|\son[a-z]+\s*=|<!entity\b|javascript:/i.test(text)) return 'holds scripts';
  const read = (name: string) => {
    const value = new RegExp(`\\s${name}=["']\\s*([\\d.]+)(?:px)?\\s*["']`, 'i').exec(tag)?.[1];
    return value === undefined ? null : Number(value);
  };
  const [, , width, height] =
    /\sviewBox=["']([^"']+)["']/i
      .exec(tag)?.[1]
      ?.trim()
      .split(/[\s,]+/) ?? [];
  const size = { width: read('width') ?? Number(width), height: read('height') ?? Number(height) };
  return size.width > 0 && size.height > 0 ? size : 'has no width and height, and no viewBox';
}
