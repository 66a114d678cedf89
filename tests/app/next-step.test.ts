import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { findNews, placeApplications, nameList } from '@/app/dashboard/news';
import { findNextStep, isToldByText, NextStepCard } from '@/app/dashboard/next-step';
import { listOpenTasks } from '@/app/dashboard/open-tasks';
import type { MyApplication } from '@/lib/applications/my-applications';
import { after, noon } from '../support/people';

const make = (id: string, status: MyApplication['status'], isAnswered = false): MyApplication => ({
  id,
  title: id,
  message: '',
  status,
  since: noon,
  version: 1,
  createdAt: noon,
  isAnswered,
});

test.each([
  ['nothing yet', [], 'start', undefined],
  ['only what is decided', [make('a', 'approved'), make('b', 'withdrawn')], 'start', undefined],
  ['one that we look at', [make('a', 'in_review')], 'wait', undefined],
  ['an answer that we have', [make('a', 'documents_needed', true)], 'wait', undefined],
  ['a draft beside one that we look at', [make('a', 'in_review'), make('b', 'draft')], 'finish', 'b'],
  ['what we asked for beside a draft', [make('a', 'draft'), make('b', 'documents_needed')], 'answer', 'b'],
])('who has %s has one next step', (_what, applications, step, id) => {
  const next = findNextStep(applications);
  expect(next.step).toBe(step);
  expect('application' in next ? next.application.id : undefined).toBe(id);
});

test('what is open is the email, the phone and the passkey, in this order, and nothing once they are done', () => {
  const open = listOpenTasks({
    email: 'a@example.com',
    phone: { state: 'moved', stopped: null, doubt: null },
    isAfterReset: false,
    lacksPasskey: true,
  });
  expect(open.map(({ id }) => id)).toEqual(['email', 'phone', 'passkey']);
  expect(
    listOpenTasks({
      email: null,
      phone: { state: 'verified', stopped: null, doubt: null },
      isAfterReset: true,
      lacksPasskey: false,
    }),
  ).toEqual([]);
});

test('what is open has lesser buttons alone: the first one of the page is for the next step', () => {
  const doubt = { reason: 'dead_number', since: noon } as const;
  for (const phone of [
    { state: 'none', stopped: null, doubt: null },
    { state: 'unverified', stopped: null, doubt: null },
    { state: 'moved', stopped: null, doubt: null },
    { state: 'verified', stopped: null, doubt },
  ] as const) {
    const open = listOpenTasks({ email: 'a@example.com', phone, isAfterReset: false, lacksPasskey: true });
    expect(open).toHaveLength(3);
    for (const { action } of open) expect(renderToStaticMarkup(action)).not.toMatch(/primary/);
  }
});

test('who lost their phone by a reset is told why it is to be added again, until it is there', () => {
  const [task] = listOpenTasks({
    email: null,
    phone: { state: 'none', stopped: null, doubt: null },
    isAfterReset: true,
    lacksPasskey: false,
  });
  expect(task).toMatchObject({ id: 'phone', words: expect.stringContaining('took off') as string });
  const [later] = listOpenTasks({
    email: null,
    phone: { state: 'unverified', stopped: null, doubt: null },
    isAfterReset: true,
    lacksPasskey: false,
  });
  expect(later?.words).not.toContain('took off');
  const [never] = listOpenTasks({
    email: null,
    phone: { state: 'none', stopped: null, doubt: null },
    isAfterReset: false,
    lacksPasskey: false,
  });
  expect(never?.words).not.toContain('took off');
});

test('a number that is in doubt is to be verified again, with the reason and without a promise of texts', () => {
  const doubt = { reason: 'out_of_service', on: '2026-11-19' } as const;
  const phone = { state: 'verified', stopped: null, doubt } as const;
  const given = { email: null, isAfterReset: false, lacksPasskey: false };
  const [task] = listOpenTasks({ ...given, phone });
  expect(task).toMatchObject({ id: 'phone', title: 'Verify your phone again' });
  expect(task?.words).toContain('taken out of service on Thu, Nov 19, 2026.');
  // No code goes there: the page of preferences says what to do about that first.
  expect(listOpenTasks({ ...given, phone: { ...phone, stopped: 'all' } })).toEqual([]);
});

test('a number that replied STOP is offered no code, and the way to take that back', () => {
  const [task] = listOpenTasks({
    email: null,
    phone: { state: 'unverified', stopped: 'all', doubt: null },
    isAfterReset: false,
    lacksPasskey: false,
  });
  expect(task?.words).toContain('STOP');
  expect(task?.words).not.toContain('We text a six-digit code');
});

test('news is what we did in the last 14 days, decisions first, then the latest, and no more than fits', () => {
  const day = 24 * 3600;
  const at = (id: string, status: MyApplication['status'], days: number) => ({
    ...make(id, status),
    since: after(noon, -days * day),
  });
  const all = [
    at('draft', 'draft', 0),
    at('submitted', 'submitted', 0),
    at('old', 'approved', 14.1),
    at('declined', 'declined', 13.9),
    at('in review', 'in_review', 1),
    at('needed', 'documents_needed', 2),
    at('approved', 'approved', 3),
  ];
  const ids = (most: number) => findNews(all, noon, most).map(({ id }) => id);
  expect(ids(9)).toEqual(['approved', 'declined', 'in review', 'needed']);
  expect(ids(3)).toEqual(['approved', 'declined', 'in review']);
});

test('each application is shown once: what is to be answered, else a decision, comes before other news', () => {
  const asked = make('asked', 'documents_needed');
  const all = [make('draft', 'draft'), make('approved', 'approved'), asked, make('reviewed', 'in_review')];
  const idsOf = (given: { isApplicant: boolean; asked: MyApplication | null; most: number }) => {
    const { decided, news, others } = placeApplications(all, { ...given, now: noon });
    return [decided?.id, news.map(({ id }) => id), others.map(({ id }) => id)];
  };
  expect(idsOf({ isApplicant: true, asked, most: 3 })).toEqual(['approved', ['reviewed'], ['draft']]);
  expect(idsOf({ isApplicant: true, asked, most: 1 })).toEqual(['approved', [], ['draft', 'reviewed']]);
  expect(idsOf({ isApplicant: true, asked: null, most: 3 })).toEqual([
    'approved',
    ['asked', 'reviewed'],
    ['draft'],
  ]);
  expect(idsOf({ isApplicant: false, asked: null, most: 3 })).toEqual([
    undefined,
    ['approved', 'asked', 'reviewed'],
    ['draft'],
  ]);
});

test('waiting is said of one application, or of several', () => {
  const wordsOf = (applications: MyApplication[]) =>
    renderToStaticMarkup(
      createElement(NextStepCard, { next: findNextStep(applications), hearsByText: false, isFirst: true }),
    );
  expect(wordsOf([make('a', 'in_review'), make('b', 'approved')])).toContain(
    'for your application. When it moves forward',
  );
  expect(wordsOf([make('a', 'in_review'), make('b', 'submitted')])).toContain(
    'for your applications. When one moves forward',
  );
});

test('the list below the news is of other applications only where it has some', () => {
  expect(nameList({ isApplicant: true, areOthers: true })).toBe('Your other applications');
  expect(nameList({ isApplicant: true, areOthers: false })).toBe('Your applications');
  expect(nameList({ isApplicant: false, areOthers: true })).toBe('Your own applications');
});

const heard = {
  switches: { enabled: true, applicationStatus: true, reminders: false, security: false },
  version: 1,
  consent: 'standing',
  stopped: false,
} as const;

test('a text is promised only where one may go out', () => {
  expect(isToldByText(heard, { state: 'verified', doubt: null })).toBe(true);
  expect(isToldByText({ ...heard, consent: 'earlier_wording' }, { state: 'verified', doubt: null })).toBe(
    true,
  );
  expect(isToldByText(heard, { state: 'unverified', doubt: null })).toBe(false);
  const doubt = { reason: 'dead_number', since: noon } as const;
  expect(isToldByText(heard, { state: 'verified', doubt })).toBe(false);
  expect(isToldByText({ ...heard, consent: 'none' }, { state: 'verified', doubt: null })).toBe(false);
  expect(isToldByText({ ...heard, stopped: true }, { state: 'verified', doubt: null })).toBe(false);
  for (const off of ['enabled', 'applicationStatus'] as const) {
    expect(
      isToldByText(
        { ...heard, switches: { ...heard.switches, [off]: false } },
        { state: 'verified', doubt: null },
      ),
    ).toBe(false);
  }
});
