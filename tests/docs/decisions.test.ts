import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const folder = 'docs/decisions';
const read = (name: string) => readFileSync(join(folder, name), 'utf8');
const records = readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md');
const overview = read('README.md');

/** What the overview promises of every record: its sections, in order, of which the last may be left out. */
const promised = [...overview.matchAll(/^- \*\*(.+)\*\*: /gm)].map(([, section]) => section!);
const listed = [...overview.matchAll(/^- \[(.+)\]\((.+\.md)\)$/gm)].map(([, title, file]) => ({
  title: title!,
  file: file!,
}));

type Parts = { title: string; status: string; date: string; sections: { heading: string; body: string }[] };

/** Takes a record apart; fails on one that does not begin with a title and a line with status and date. */
function parse(text: string): Parts {
  const head = /^# (.+)\n\nStatus: (.+), (\d{4}-\d{2}-\d{2})\n\n(?=## )/.exec(text);
  if (!head) throw new Error('no title, or no line with status and date below it');
  const [all, title, status, date] = head;
  const sections = text
    .slice(all.length)
    .split(/^(?=## )/m)
    .map((section) => {
      const [heading = '', ...body] = section.split('\n');
      return { heading: heading.slice('## '.length), body: body.join('\n').trim() };
    });
  return { title: title!, status: status!, date: date!, sections };
}

test('the overview promises five sections, and there are records', () => {
  expect(promised).toHaveLength(5);
  expect(records.length).toBeGreaterThan(10);
});

test('the overview lists every record once, in order, under its title', () => {
  expect(listed).toEqual([...records].sort().map((file) => ({ file, title: parse(read(file)).title })));
});

test('no number is given twice, and none is left out', () => {
  const numbers = [...records].sort().map((name) => name.slice(0, 4));
  expect(numbers).toEqual(numbers.map((_, index) => String(index + 1).padStart(4, '0')));
});

describe.each(records)('%s', (name) => {
  test('has its number in its name and in its title', () => {
    expect(name).toMatch(/^\d{4}-[a-z-]+\.md$/);
    expect(parse(read(name)).title).toMatch(new RegExp(`^${name.slice(0, 4)} [A-Z]`));
  });

  test('has a status that the overview explains', () => {
    const { status } = parse(read(name));
    const successor = /^Superseded by (\d{4})$/.exec(status)?.[1];
    if (successor) expect(records.some((other) => other.startsWith(`${successor}-`))).toBe(true);
    else expect(['Proposed', 'Accepted']).toContain(status);
  });

  test('has a day that the calendar knows', () => {
    const { date } = parse(read(name));
    // A day that the calendar does not have comes back as another one, or as none.
    const day = new Date(`${date}T00:00:00Z`);
    expect(Number.isNaN(day.getTime()) ? null : day.toISOString().slice(0, 10)).toBe(date);
  });

  test('has the sections that the overview promises, in their order, and none is empty', () => {
    const { sections } = parse(read(name));
    const headings = sections.map(({ heading }) => heading);
    expect([promised, promised.slice(0, -1)]).toContainEqual(headings);
    expect(sections.filter(({ body }) => body === '')).toEqual([]);
  });
});
