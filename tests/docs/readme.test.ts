import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { demoPassword, demoPeople, demoTotpKey } from '../../scripts/commands/seed';

const readme = readFileSync('README.md', 'utf8');

test('the README has the demo people as the seed writes them: emails, roles, password and key', () => {
  const listed = [...readme.matchAll(/^\| `(\S+@\S+)` +\| `(\w+)` +\|/gm)].map(([, email, role]) => ({
    email,
    role,
  }));
  expect(listed).toHaveLength(demoPeople.length);
  expect(listed).toEqual(expect.arrayContaining(demoPeople.map(({ email, role }) => ({ email, role }))));
  expect(readme).toContain(`\`${demoPassword}\``);
  expect(readme).toContain(`\`${demoTotpKey}\``);
});

test('every picture has the size and the words that it is shown with', () => {
  const pictures = readme.match(/<img [^>]*>|!\[[^\]]*\]\([^)]*\)/g) ?? [];
  expect(pictures).toHaveLength(1);
  for (const picture of pictures) {
    const [, path = ''] = /src="([^"]+)"/.exec(picture) ?? [];
    expect(existsSync(path), path).toBe(true);
    expect(picture).toMatch(/ alt="[^"]{20,}"/);
    const [, width, height] = / width="(\d+)" height="(\d+)"/.exec(picture) ?? [];
    expect({ width: Number(width), height: Number(height) }).toEqual(readWebpSize(path));
  }
});

/** The size of an extended WebP, in pixels: less by one, in three bytes each. */
function readWebpSize(path: string): { width: number; height: number } {
  const file = readFileSync(path);
  expect(file.subarray(8, 16).toString('latin1'), path).toBe('WEBPVP8X');
  return { width: file.readUIntLE(24, 3) + 1, height: file.readUIntLE(27, 3) + 1 };
}

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

/** The anchors that GitHub gives to the headings of a document. */
function anchorsOf(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

const linkPattern = /\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g;
const linksOf = (file: string) => [...readFileSync(file, 'utf8').matchAll(linkPattern)];

test('the documents are found, and so are their links', () => {
  expect(documents.length).toBeGreaterThan(30);
  const links = documents.flatMap(linksOf);
  expect(links.length).toBeGreaterThan(100);
  expect(links.filter(([, , anchor]) => anchor !== undefined).length).toBeGreaterThan(10);
});

describe.each(documents)('%s', (file) => {
  test('links to files and headings that are there', () => {
    for (const [link, path = '', anchor] of linksOf(file)) {
      const target = path === '' ? file : join(dirname(file), path);
      expect(existsSync(target), link).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(target), link).toContain(anchor);
    }
  });
});
