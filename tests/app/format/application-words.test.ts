import { expect, test } from 'vitest';
import { sayMyEvent, sayNext, nameStatus, toneOfStatus } from '@/app/_format/application-words';
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
