import { expect, test } from 'vitest';
import { describeOptOut } from '@/app/admin/consent-words';
import type { ConsentScope, SenderRole } from '@/db/schema/consent';
import { sayOptOut } from '@/lib/exports/pack-words';

const at = new Date('2027-02-01T12:00:00Z');
const clock = { timeZone: 'America/New_York', now: at };
const both: ConsentScope[] = ['verification', 'updates'];

test.each<[string, ConsentScope[], SenderRole[] | null]>([
  ['Opted out of updates', ['updates'], ['updates']],
  ['Opted out of updates, and ended agreement to codes', both, ['updates']],
  ['Opted out of all texts', both, ['updates', 'codes']],
  ['Opted out of all texts', both, null],
  ['Opted out of updates', ['updates'], []],
])('admins and lawyers read "%s" of an opt-out from %j that blocks %j', (words, covers, senders) => {
  const entry = {
    ...({ id: 1, at, recordedAt: null, act: 'opted_out', channel: 'text', covers, senders } as const),
    ...({ saidTo: 'updates', sender: '+15005550006', words: 'STOP', providerSid: 'SM1' } as const),
  };
  expect(describeOptOut(entry, clock).title).toBe(words);
  expect(sayOptOut('opted_out', covers.join(' '), senders?.join(' ') ?? null, 'text')).toBe(
    `${words}, by text`,
  );
});
