import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/**
 * `select id::text as id … order by id` sorts by the column that is put out, as text: 10 comes before 9. The table's own column has to
 * be named with its table (`order by e.id`).
 */
function findSortedAsText(source: string): string[] {
  return [...source.matchAll(/::text as (\w+)/g)].flatMap(({ index, 1: name }) => {
    const statement = source.slice(index).split(/`[);,]/)[0]!;
    const sorts = statement.match(/\border by [^\n]*/g) ?? [];
    return sorts.filter((sort) => new RegExp(`(?<![.\\w])${name!}\\b`).test(sort));
  });
}

test('no statement sorts numbers as text', () => {
  const files = ['lib', 'scripts', 'app', 'db', 'bench'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name))
      .map((name) => join(folder, name)),
  );
  expect(files.length).toBeGreaterThan(300);
  const found = files.flatMap((file) =>
    findSortedAsText(readFileSync(file, 'utf8')).map((sort) => `${file}: ${sort}`),
  );
  expect(found).toEqual([]);
});

test('is looked for as it was once written', () => {
  const once = 'sql`select e.id::text as id, e.at from events e\n order by id desc limit 1`);';
  expect(findSortedAsText(once)).toEqual(['order by id desc limit 1']);
  expect(findSortedAsText(once.replace('by id', 'by e.id'))).toEqual([]);
});
