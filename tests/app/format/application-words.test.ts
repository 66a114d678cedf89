import { expect, test } from 'vitest';
import { sayMyEvent, sayNext, showStatus, nameStatus, toneOfStatus } from '@/app/_format/application-words';
import type { ApplicationStatus } from '@/lib/applications/moves';
import { noon } from '@/tests/support/people';

const text = {
  id: 1,
  at: noon,
  kind: 'answered',
  toStatus: null,
  note: 'When?',
  isMine: true,
  byText: true,
} as const;

test('a text is called an answer only where something was asked for', () => {
  expect(sayMyEvent(text, 'documents_needed')).toBe('You answered by text');
  expect(sayMyEvent(text, 'in_review')).toBe('You texted us');
  expect(sayMyEvent({ ...text, byText: false }, 'documents_needed')).toBe('You answered');
});

test.each(['__proto__', 'constructor', 'of_another_version'])('the status %s has words, too', (name) => {
  const status = name as ApplicationStatus;
  expect(nameStatus(status)).toBe('Unknown');
  expect(toneOfStatus(status)).toBe('neutral');
  expect(sayNext({ status, isAnswered: false })).toContain('Contact us');
});

test('the badge says whose turn it is', () => {
  const asked = { status: 'documents_needed', isAnswered: false } as const;
  expect(showStatus(asked)).toEqual({ words: 'Documents needed', tone: 'warning' });
  expect(showStatus({ ...asked, isAnswered: true })).toEqual({ words: 'Answered', tone: 'info' });
  // An answer by text may come at any time.
  expect(showStatus({ status: 'in_review', isAnswered: true }).words).toBe('In review');
});

test('what was written about the end of an application is not contradicted', () => {
  for (const status of ['approved', 'declined', 'withdrawn'] as const) {
    expect(sayNext({ status, isAnswered: false }, true)).toMatch(
      /^We \w+ your application.*, and wrote to you:$/,
    );
    expect(sayNext({ status, isAnswered: false })).not.toContain('wrote to you');
  }
});
