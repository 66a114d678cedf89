import { expect, test } from 'vitest';
import {
  bulkSavedWords,
  sayBulkMove,
  sayBulkReminders,
  sayBulkSending,
  sayBulkSources,
  sayNamed,
  sayOtherBulk,
  sayStaying,
} from '@/app/staff/bulk/bulk-words';

test.each([
  [{ texts: 10_000, pace: 1, left: 0 }, 'About 2 hours 50 minutes at 1 text a second'],
  [{ texts: 300, pace: 0.5, left: 0 }, 'About 10 minutes at 0.5 texts a second'],
  [
    { texts: 3_000, pace: 10, left: 33_000 },
    'About 5 minutes at 10 texts a second, up to 1 hour while other bulk moves go on',
  ],
  [{ texts: 3_000, pace: null, left: 5 }, null],
  [{ texts: 0, pace: 1, left: 5 }, null],
])('how long sending takes is said of %j', (facts, said) => {
  expect(sayBulkSending(facts)).toBe(said);
});

test.each([
  [
    { moves: 2, left: 3_400 },
    '2 are going on, with 3,400 applications and texts left. They go in turns with this one.',
  ],
  [{ moves: 1, left: 1 }, '1 is going on, with 1 application or text left. They go in turns with this one.'],
  [{ moves: 0, left: 12 }, '12 of their texts still wait. They go in turns with this one.'],
])('what other bulk moves have left is said of %j', (others, said) => {
  expect(sayOtherBulk(others)).toBe(said);
});

test('reminders are said with their days and their cost', () => {
  expect(sayBulkReminders({ reminders: 400, cost: '$3.1600' })).toBe(
    'Up to 400, 3 and 10 days later, to those who have not answered. By text they cost up to $3.1600 more.',
  );
});

test('where the applications of a draft are is said in a sentence, of one and of several', () => {
  expect(
    sayBulkSources([
      { status: 'in_review', count: 2 },
      { status: 'submitted', count: 1 },
      { status: 'documents_needed', count: 1_000 },
    ]),
  ).toBe('2 are in review, 1 is submitted, 1,000 need documents');
});

test('a draft that goes nowhere yet has no target, and saying one moves nothing', () => {
  expect(sayBulkMove({ to: null, items: 3 })).toBe('No target yet: 3 applications');
  expect(bulkSavedWords.get('aimed')?.tone).toBe('info');
});

test('applications that are named are all, or the first of how many', () => {
  expect(sayNamed(3, 3)).toBe('Which applications');
  expect(sayNamed(20, 1_000)).toBe('The first 20 of 1,000 applications');
  expect([sayStaying(1, 1), sayStaying(2, 2), sayStaying(20, 21)]).toEqual([
    'The one that stays, and why',
    'Those that stay, and why',
    'The first 20 of 21 that stay, and why',
  ]);
});
