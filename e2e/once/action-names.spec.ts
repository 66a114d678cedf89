import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { actionNamesKey } from '../../scripts/build';
import { projectRoot } from '../../scripts/project-root';
import { findServerActions } from '../../tests/support/routes';
import { expect, test } from '../support/test';

test('a form that the page of another build sent is heard: a build names actions by their file and name alone', () => {
  const manifest = JSON.parse(
    readFileSync(join(projectRoot, '.next/server/server-reference-manifest.json'), 'utf8'),
  ) as { node: Record<string, unknown> };
  // Two digits before say how many arguments there are.
  const named = Object.keys(manifest.node).map((id) => id.slice(2));
  const expected = findServerActions().map(({ name }) =>
    createHash('sha1')
      .update(actionNamesKey + name.replace('#', ':'))
      .digest('hex'),
  );
  expect(expected.length).toBeGreaterThan(10);
  expect(named.sort()).toEqual(expected.sort());
});
