import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { WhyList } from '@/app/admin/messages/why-list';
import { sayGate, saySummary } from '@/app/admin/messages/why-words';
import { NextTexts } from '@/app/admin/next-texts';
import type { Gate } from '@/lib/sms/dispatch/explain-text';

const clock = { timeZone: 'America/New_York', now: new Date('2026-05-02T12:00:00Z') };

function makeGate(gate: Gate['gate'], answer: Gate['answer'], rest: Partial<Gate> = {}): Gate {
  return { gate, answer, reason: null, details: null, passesAt: null, ...rest };
}

function render(node: Parameters<typeof renderToStaticMarkup>[0]): string {
  return renderToStaticMarkup(node).replaceAll('’', "'");
}

const failed = { status: 'failed', errorCode: 30003 } as const;
const stopped = { since: '2026-05-01T10:00:00.000Z', by: 'sms_stop' };

test('a text that a carrier did not take says first what that means and what to do', () => {
  const gates = [
    makeGate('opt_out', 'pass'),
    makeGate('provider', 'refuse', { reason: 'handset_unreachable' }),
  ];
  expect(render(createElement('p', null, saySummary(gates, failed)))).toBe(
    '<p>It failed: the phone could not be reached: it was off, or without a signal (error 30003). Nothing to do: the next text may arrive, and a new code may be asked for.</p>',
  );
});

test('a text that may have gone out is not called one that nothing keeps back', () => {
  const details = { since: '2026-05-02T11:59:00.000Z', lookUps: 1, askedAt: '2026-05-02T12:01:00.000Z' };
  const gates = [makeGate('outcome', 'hold', { details }), makeGate('due', 'pass')];
  const sending = { status: 'sending', errorCode: null } as const;
  expect(render(createElement('p', null, saySummary(gates, sending)))).toBe(
    '<p>It may have gone out: the provider gave no answer, and is asked before it is sent again.</p>',
  );
  const said = render(createElement('p', null, sayGate(gates[0]!, sending, clock))).replaceAll(
    /<[^>]+>/g,
    '',
  );
  expect(said.replaceAll('\u00a0', ' ')).toBe(
    'Not known. The provider was called May 2, 7:59:00 AM EDT and gave no answer. It was asked once since. It is asked next May 2, 8:01:00 AM EDT. ',
  );
});

test('the rule that kept a text back comes before the folded list of all', () => {
  const gates = [
    makeGate('withdrawn', 'pass'),
    makeGate('opt_out', 'refuse', { details: stopped }),
    makeGate('consent', 'not_reached'),
  ];
  const page = render(createElement(WhyList, { gates, text: failed, clock }));
  const [shown, folded] = page.split('<details');
  expect(shown).toContain('Does the number take our texts?');
  expect(shown).not.toContain('Did the person agree?');
  expect(folded).toContain('Every rule, in order (3)');
  expect(folded).toContain('Did the person agree?');
});

test.each([
  [
    'out_of_service',
    { on: '2026-04-30' },
    'The carrier reported this number as taken out of service on Thu, Apr 30, 2026. Updates wait until the person verifies it again.',
  ],
  [
    'dead_number',
    { since: '2026-04-30T10:00:00.000Z' },
    'Texts did not reach anyone there on three days. Updates wait until the person verifies the number again.',
  ],
])('a number in doubt says why, and what ends that (%s)', (reason, details, words) => {
  const gate = makeGate('fresh_proof', 'refuse', { reason, details });
  const said = render(createElement('p', null, sayGate(gate, { status: 'failed', errorCode: null }, clock)));
  expect(said).toBe(`<p>${words} It passes once the person verifies the number again.</p>`);
});

test('an opt-out that keeps back every kind of text is said once, in words', () => {
  const optOut = makeGate('opt_out', 'refuse', { reason: 'stopped', details: stopped });
  const page = render(
    createElement(NextTexts, {
      next: [
        {
          kind: 'news',
          gates: [optOut, makeGate('consent', 'refuse', { details: { scope: 'updates or verification' } })],
        },
        { kind: 'code', gates: [makeGate('request', 'refuse', { reason: 'stopped' }), optOut] },
        { kind: 'notice', gates: [optOut, makeGate('consent', 'pass')] },
      ],
      clock,
    }),
  );
  const [shown] = page.split('<details');
  expect(shown?.match(/It opted out/g)).toHaveLength(1);
  expect(shown).toContain('by texting STOP');
  expect(shown).not.toContain('sms stop');
  // What else keeps a kind back is named; what it says is with its rules.
  expect(shown).toContain('Besides: Did the person agree?');
  expect(shown).not.toContain('They have not agreed');
  expect(page).toContain('They have not agreed to updates or codes.');
  expect(shown).toContain('Nothing but the above keeps it back.');
});

test('quiet hours are said on the clock that people read', () => {
  const gate = makeGate('quiet_hours', 'hold', {
    details: { window: '20:00-09:00', zones: 'America/New_York,America/Chicago' },
  });
  expect(
    render(createElement('p', null, sayGate(gate, { status: 'queued', errorCode: null }, clock))),
  ).toContain('Quiet hours are 8:00 PM to 9:00 AM in New York, Chicago.');
});
