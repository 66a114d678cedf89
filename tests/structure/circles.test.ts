import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

const root = process.cwd();
const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
const found = ts.createModuleResolutionCache(root, (name) => name, options);

const files = ['app', 'bench', 'components', 'db', 'e2e', 'lib', 'scripts', 'tests'].flatMap((room) =>
  readdirSync(room, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(?:tsx?|mjs)$/.test(file))
    .map((file) => resolve(root, room, file)),
);

/** The files of ours that one imports, also what it imports later (`import()`), and types. */
function listImports(file: string): string[] {
  return ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles.flatMap(({ fileName: name }) => {
    const { resolvedModule } = ts.resolveModuleName(name, file, options, ts.sys, found);
    return resolvedModule && !resolvedModule.isExternalLibraryImport ? [resolvedModule.resolvedFileName] : [];
  });
}

/** The first circle that there is, from a file back to itself; null: there is none. */
function findCircle(imports: ReadonlyMap<string, readonly string[]>): string[] | null {
  const cleared = new Set<string>();
  const follow = (file: string, path: readonly string[]): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (cleared.has(file)) return null;
    for (const next of imports.get(file) ?? []) {
      const circle = follow(next, [...path, file]);
      if (circle) return circle;
    }
    cleared.add(file);
    return null;
  };
  for (const file of imports.keys()) {
    const circle = follow(file, []);
    if (circle) return circle;
  }
  return null;
}

test('no file imports itself by way of others', () => {
  const imports = new Map(files.map((file) => [file, listImports(file)]));
  // As many as this are really followed.
  expect([...imports.values()].flat().length).toBeGreaterThan(3_000);
  expect(findCircle(imports)).toBeNull();
});

test('a circle is found, wherever it begins', () => {
  const circle = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['c', []],
    ['d', ['e']],
    ['e', ['b']],
  ]);
  expect(findCircle(circle)).toEqual(['b', 'd', 'e', 'b']);
});
