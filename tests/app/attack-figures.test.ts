import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { AttackFigures } from '@/app/admin/attack-figures';

const few = {
  asked: { count: 3, usual: 0 },
  unentered: { asked: 2, never: 2 },
  topNetwork: { name: 'network:0123456789', count: 3, all: 3 },
  topPrefix: { name: '+1500555', count: 3, all: 3 },
  refusals: [],
  strangers: { spentMicros: 6_000_000, limitMicros: 7_000_000 },
};
const say = (signs: Parameters<typeof AttackFigures>[0]['signs']) =>
  renderToStaticMarkup(createElement(AttackFigures, { signs }));

test('of fewer than 30 codes it is said that they are too few to tell, and no share is shown', () => {
  const page = say(few);
  expect(page).toContain('fewer than 30 codes');
  expect(page).not.toMatch(/unusual, and|looks like an attack|100%/);
});

test('of 30 codes that nobody entered it is said what that means', () => {
  const page = say({ ...few, asked: { count: 30, usual: 0 }, unentered: { asked: 30, never: 30 } });
  expect(page).toContain('This looks like an attack');
  expect(page).not.toContain('fewer than 30 codes');
});
