import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

/** Names that Next itself looks for in a file (nextjs.org/docs/app/api-reference). */
const nextExports = new Set(
  'GET HEAD POST PUT PATCH DELETE OPTIONS dynamic metadata viewport generateMetadata'.split(' '),
);
const nextFiles = new Set(['page', 'layout', 'route', 'error', 'not-found', 'loading', 'icon']);

/** One of these for each page: what its forms call. */
const actions = 'actions';

const files = ['lib', 'app', 'components'].flatMap((room) =>
  readdirSync(room, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => `${room}/${file}`),
);

/** The names that a file exports: functions, classes, constants and types. */
function findExports(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  return source.statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement)) {
      const { exportClause } = statement;
      return exportClause && ts.isNamedExports(exportClause)
        ? exportClause.elements.map(({ name }) => name.text)
        : [];
    }
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
    const kinds = modifiers?.map(({ kind }) => kind) ?? [];
    if (!kinds.includes(ts.SyntaxKind.ExportKeyword) || kinds.includes(ts.SyntaxKind.DefaultKeyword))
      return [];
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.map(({ name }) => name.getText(source));
    }
    const { name } = statement as ts.DeclarationStatement;
    return name ? [name.getText(source)] : [];
  });
}

/** Each name that several files have, with these files. */
function findShared(named: readonly { name: string; file: string }[]): Record<string, string[]> {
  const owners = new Map<string, Set<string>>();
  for (const { name, file } of named) owners.set(name, (owners.get(name) ?? new Set()).add(file));
  const shared = [...owners].filter(([, each]) => each.size > 1);
  return Object.fromEntries(shared.map(([name, each]) => [name, [...each].sort()]));
}

test('no two files of lib, app and components export the same name', () => {
  const named = files.flatMap((file) => findExports(file).map((name) => ({ name, file })));
  // As many as this are really read.
  expect(named.length).toBeGreaterThan(500);
  expect(findShared(named.filter(({ name }) => !nextExports.has(name)))).toEqual({});
});

test('no two files of lib, app and components have the same file name', () => {
  const named = files.map((file) => ({ name: basename(file).replace(/\.tsx?$/, ''), file }));
  expect(findShared(named.filter(({ name }) => !nextFiles.has(name) && name !== actions))).toEqual({});
});
