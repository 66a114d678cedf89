import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** `GET /dashboard` for a page, `POST /users/webhook/twilio` for each method of a route handler. */
export type Route = { name: string; file: string; isPage: boolean };

export type ServerAction = {
  /** `app/dashboard/actions.ts#startVerificationAction`. */
  name: string;
  file: string;
  parameters: number;
  /** The source of its first two statements that do something. */
  first: [string, string];
};

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Every page and route handler under app/, from the file tree as Next reads it. */
export function findRoutes(): Route[] {
  return listSources('app').flatMap((file): Route[] => {
    const [, folder, kind] = /^app\/(.*?)\/?(page|route)\.tsx?$/.exec(file) ?? [];
    if (folder === undefined) return [];
    const path = `/${folder
      .split('/')
      .filter((segment) => segment !== '' && !/^\(.*\)$/.test(segment))
      .join('/')}`;
    if (kind === 'page') return [{ name: `GET ${path}`, file, isPage: true }];
    return exportedFunctions(parse(file))
      .filter(({ name }) => methods.includes(name))
      .map(({ name }) => ({ name: `${name} ${path}`, file, isPage: false }));
  });
}

/** Every function that a browser can call as a server action. */
export function findServerActions(): ServerAction[] {
  return listSources('app').flatMap((file) => {
    const source = parse(file);
    if (!isServerFile(source)) return [];
    return exportedFunctions(source).map(({ name, node }) => ({
      name: `${file}#${name}`,
      file,
      parameters: node.parameters.length,
      first: firstStatements(node),
    }));
  });
}

/** The first statement of a page's component. */
export function readPageStart(file: string): string {
  const page = parse(file).statements.find(
    (statement): statement is ts.FunctionDeclaration =>
      ts.isFunctionDeclaration(statement) &&
      (statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword) ?? false),
  );
  if (!page) throw new Error(`${file} exports no function by default`);
  return firstStatements(page)[0];
}

/** Files in which something other than the whole file is marked as callable by browsers. */
export function findInnerServerFunctions(): string[] {
  return ['app', 'components', 'lib'].flatMap(listSources).filter((file) => {
    const mentions = readFileSync(join(root, file), 'utf8').match(/^\s*['"]use server['"]/gm)?.length ?? 0;
    return mentions !== (isServerFile(parse(file)) && file.startsWith('app/') ? 1 : 0);
  });
}

function isServerFile(source: ts.SourceFile): boolean {
  const [first] = source.statements;
  return (
    first !== undefined &&
    ts.isExpressionStatement(first) &&
    ts.isStringLiteral(first.expression) &&
    first.expression.text === 'use server'
  );
}

/** Exported functions; throws for an export that is none, since it could be one under another name. */
function exportedFunctions(source: ts.SourceFile): { name: string; node: ts.FunctionDeclaration }[] {
  return source.statements.flatMap((statement) => {
    const isExported =
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    if (ts.isExportDeclaration(statement) || ts.isExportAssignment(statement)) {
      throw new Error(`${source.fileName} exports what it does not declare: write the function out`);
    }
    if (!isExported) return [];
    if (ts.isFunctionDeclaration(statement) && statement.name) {
      return [{ name: statement.name.text, node: statement }];
    }
    if (ts.isVariableStatement(statement) && !isServerFile(source)) return [];
    if (ts.isTypeAliasDeclaration(statement) || ts.isInterfaceDeclaration(statement)) return [];
    throw new Error(`${source.fileName} exports something other than a function declaration`);
  });
}

/** The first two statements that do something: a constant that calls nothing may come before them. */
function firstStatements(node: ts.FunctionDeclaration): [string, string] {
  const statements = [...(node.body?.statements ?? [])];
  while (statements[0] && ts.isVariableStatement(statements[0]) && !calls(statements[0])) statements.shift();
  return [statements[0]?.getText() ?? '', statements[1]?.getText() ?? ''];
}

function calls(node: ts.Node): boolean {
  if (ts.isCallOrNewExpression(node) || ts.isAwaitExpression(node)) return true;
  return ts.forEachChild(node, (child) => calls(child) || undefined) ?? false;
}

function parse(file: string): ts.SourceFile {
  const kind = file.endsWith('x') ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
  const text = readFileSync(join(root, file), 'utf8');
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, kind);
}

function listSources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return listSources(path);
      return /\.tsx?$/.test(entry.name) ? [path] : [];
    });
}
