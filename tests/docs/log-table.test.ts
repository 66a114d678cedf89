import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { expect, test } from 'vitest';

const levels = ['debug', 'info', 'warn', 'error'];

/** What a template of an event's name is filled with. */
const filled: Record<string, readonly string[]> = { where: ['web', 'worker'] };

/** The names that an expression may come to: a piece of text, a template of the list above, or a choice of these. */
function namesOf(node: ts.Expression): string[] | null {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return [node.text];
  if (ts.isConditionalExpression(node)) {
    const [yes, no] = [namesOf(node.whenTrue), namesOf(node.whenFalse)];
    return yes && no && [...yes, ...no];
  }
  if (ts.isTemplateExpression(node) && node.templateSpans.length === 1 && node.head.text === '') {
    const { expression, literal } = node.templateSpans[0]!;
    return filled[expression.getText()]?.map((each) => each + literal.text) ?? null;
  }
  return null;
}

/** The level that a call of a log writes at: `log.warn(…)`, `log[isBad ? 'error' : 'warn'](…)`; null: it is no such call. */
function levelsOf(callee: ts.Expression): string[] | null {
  if (!ts.isPropertyAccessExpression(callee) && !ts.isElementAccessExpression(callee)) return null;
  if (!/(?:^|\.)(?:log|openLog)(?:\(.*\))?$/s.test(callee.expression.getText())) return null;
  if (ts.isPropertyAccessExpression(callee)) {
    return levels.includes(callee.name.text) ? [callee.name.text] : null;
  }
  // A level that was worked out above: any that the file names.
  return namesOf(callee.argumentExpression) ?? levels;
}

/** Whether name and level are chosen by the same question, so that the first of one goes with the first of the other. */
function isSameChoice({ expression: callee, arguments: [name] }: ts.CallExpression): boolean {
  return (
    ts.isElementAccessExpression(callee) &&
    ts.isConditionalExpression(callee.argumentExpression) &&
    name !== undefined &&
    ts.isConditionalExpression(name) &&
    callee.argumentExpression.condition.getText() === name.condition.getText()
  );
}

/** Every event that the code writes to the log, and at which levels. */
function findEvents(): Map<string, Set<string>> {
  const events = new Map<string, Set<string>>();
  const files = ['lib', 'app', 'db', 'scripts'].flatMap((room) =>
    readdirSync(room, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(?:ts|tsx|mjs)$/.test(file))
      .map((file) => `${room}/${file}`),
  );
  for (const file of files) {
    const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node)) {
        const at = levelsOf(node.expression);
        if (at !== null) {
          const names = node.arguments[0] === undefined ? null : namesOf(node.arguments[0]);
          expect(names, `${file}: ${node.getText().slice(0, 80)}`).not.toBeNull();
          const level = (index: number) => (isSameChoice(node) ? [at[index]!] : at);
          for (const [index, name] of names!.entries()) {
            events.set(name, new Set([...(events.get(name) ?? []), ...level(index)]));
          }
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return events;
}

/** Every event that the table of docs/operations.md has, and its levels there. */
function readTable(): Map<string, Set<string>> {
  const operations = readFileSync('docs/operations.md', 'utf8');
  const section = operations.slice(operations.indexOf('\n## Log\n'), operations.indexOf('\n## Alarms\n'));
  const events = new Map<string, Set<string>>();
  for (const line of section.split('\n').filter((each) => each.startsWith('| `'))) {
    const [, names = '', level = ''] = line.split('|').map((cell) => cell.trim());
    const isOfAlerts = names.startsWith('`sms_alert');
    for (const [, name] of names.matchAll(/`([a-z_]+)[^`]*`/g)) {
      // Beside the first, such a row has further values of `alert`.
      const event = isOfAlerts ? 'sms_alert' : name!;
      events.set(event, new Set([...(events.get(event) ?? []), ...level.split(', ')]));
    }
  }
  return events;
}

const written = findEvents();
const documented = readTable();

test('the code writes many events, and they are found by how they are written', () => {
  expect(written.size).toBeGreaterThan(60);
  expect(documented.size).toBeGreaterThan(60);
  // By its name, by a choice of two, by a template, and at a level that is chosen.
  for (const name of ['sms_recorded_one_by_one', 'alert_given_up', 'worker_warning', 'webhook_refused']) {
    expect(written.has(name), name).toBe(true);
  }
});

test('the table of the log has every event that the code writes, and no other', () => {
  expect([...documented.keys()].sort()).toEqual([...written.keys()].sort());
});

test.each([...written].filter(([name]) => name !== 'request'))(
  'the table has the level of %s',
  (name, levelsWritten) => {
    const said = documented.get(name) ?? new Set();
    for (const level of levelsWritten) expect([...said], name).toContain(level);
  },
);
