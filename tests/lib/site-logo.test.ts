import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readSiteLogo } from '@/lib/site-logo';

const folder = mkdtempSync(join(tmpdir(), 'doorstep-logo-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const svg = (attributes: string, inside = '<path d="M0 0h9v9z"/>') =>
  `<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" ${attributes}>${inside}</svg>`;

/** One pixel, whose header says another size. */
function png(width: number, height: number): Buffer {
  const bytes = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  );
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes;
}

test('an SVG has the size that it says, or that of its view', () => {
  for (const [attributes, width, height] of [
    ['width="120" height="40px" viewBox="0 0 12 4"', 120, 40],
    ['viewBox="0 0 64 32.5"', 64, 32.5],
    ["width='100%' height='100%' viewBox='0,0,30,10'", 30, 10],
  ] as const) {
    const answer = readSiteLogo(write('size.svg', svg(attributes)));
    expect(answer).toMatchObject({ ok: true, value: { type: 'image/svg+xml', width, height } });
  }
});

test('a PNG has the size of its header, and another content has another version', () => {
  const one = readSiteLogo(write('one.png', png(300, 80)));
  const other = readSiteLogo(write('other.PNG', png(80, 80)));
  expect(one).toMatchObject({ ok: true, value: { type: 'image/png', width: 300, height: 80 } });
  expect(other).toMatchObject({ ok: true, value: { width: 80, height: 80 } });
  expect(one.ok && other.ok && one.value.version !== other.value.version).toBe(true);
});

test('what is no picture of this machine, or could run something, is refused in one line with its path', () => {
  const refusals: [path: string, problem: string][] = [
    ['https://example.com/logo.svg', 'must be the path of an SVG or PNG file on this machine'],
    [write('logo.jpg', 'x'), 'must be the path of an SVG or PNG file on this machine'],
    [join(folder, 'none.svg'), 'names no file'],
    [write('big.png', Buffer.concat([png(1, 1), Buffer.alloc(200_000)])), 'must be a file of at most 200 KB'],
    [write('fake.png', 'GIF89a and more than thirty bytes of it'), 'is no PNG file'],
    [write('flat.png', png(0, 5)), 'has no width and height'],
    [write('text.svg', 'hello'), 'is no SVG file'],
    [write('sizeless.svg', svg('')), 'has no width and height, and no viewBox'],
    [write('script.svg', svg('viewBox="0 0 1 1"', '<script>alert(1)</script>')), 'holds scripts'],
    [write('handler.svg', svg('viewBox="0 0 1 1" onload="alert(1)"')), 'holds scripts'],
    [write('link.svg', svg('viewBox="0 0 1 1"', '<a href="javascript:alert(1)"/>')), 'holds scripts'],
  ];
  for (const [path, problem] of refusals) {
    const answer = readSiteLogo(path);
    expect(answer).toMatchObject({ ok: false, problem: expect.stringContaining(problem) });
    expect(!answer.ok && answer.problem).toContain(path);
    expect(!answer.ok && answer.problem).not.toContain('\n');
  }
});
