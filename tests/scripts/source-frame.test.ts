import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ModuleKind, transpileModule } from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toSourceFrame } from '../../scripts/web/source-frame';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frames-'));
  const source = `type Never = { seen: true };\n\ninterface Gone {}\nexport function fail() {\n  throw new Error('at line five');\n}\n`;
  const { outputText, sourceMapText } = transpileModule(source, {
    fileName: 'a page.ts',
    compilerOptions: { sourceMap: true, module: ModuleKind.CommonJS },
  });
  await writeFile(join(folder, 'a page.js'), outputText);
  await writeFile(join(folder, 'a page.js.map'), sourceMapText!);
  await writeFile(join(folder, 'broken.js.map'), '{"version":3');
});
afterAll(() => rm(folder, { recursive: true }));

test('a frame of a built file says where it is in its source', async () => {
  const built = (await readFile(join(folder, 'a page.js'), 'utf8')).split('\n');
  const line = built.findIndex((text) => text.includes('throw')) + 1;
  const column = built[line - 1]!.indexOf('throw') + 1;
  const file = join(folder, 'a page.js');
  const source = relative(process.cwd(), join(folder, 'a page.ts'));
  expect(toSourceFrame(`fail (${file}:${line}:${column})`)).toBe(`fail (${source}:5:3)`);
  expect(toSourceFrame(`async fail (file://${file}:${line}:${column})`)).toBe(`async fail (${source}:5:3)`);
  expect(toSourceFrame(`${file}:${line}:${column}`)).toBe(`${source}:5:3`);
});

test.each([
  'fail (node:internal/process/task_queues:95:5)',
  '<anonymous>',
  'fail (/nowhere/at/all.js:3:7)',
  'new Promise (<anonymous>)',
])('“%s” stays as it is', (frame) => {
  expect(toSourceFrame(frame)).toBe(frame);
});

test('a map that is broken leaves a frame as it is', () => {
  const frame = `fail (${join(folder, 'broken.js')}:1:1)`;
  expect(toSourceFrame(frame)).toBe(frame);
});
