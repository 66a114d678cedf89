import { describe, expect, test } from 'vitest';
import { actionTable, routeTable, visitors } from '../support/authorization-table';
import { findInnerServerFunctions, findRoutes, findServerActions, readPageStart } from '../support/routes';

const routes = findRoutes();
const actions = findServerActions();

/** A first statement that waits for the guard, so that nothing after it runs for anyone else. */
function callsGuard(statement: string, guard: string): boolean {
  return new RegExp(`^(?:(?:const|let) [^=]+= )?await ${guard}(?:<[^()]*>)?\\(`).test(statement);
}

test('the file tree has pages, handlers and actions to speak of', () => {
  expect(routes.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['GET /', 'GET /admin/sms', 'POST /users/webhook/twilio']),
  );
  expect(actions.map(({ name }) => name)).toContain('app/users/login/actions.ts#signInAction');
});

test('every page and route handler says who may see it, and nothing else is in the table', () => {
  expect(routes.map(({ name }) => name).sort()).toEqual(Object.keys(routeTable).sort());
});

test('every server action says who may call it, and nothing else is in the table', () => {
  expect(actions.map(({ name }) => name).sort()).toEqual(Object.keys(actionTable).sort());
});

test('nothing can be called by a browser but the exported functions of a file of actions', () => {
  expect(findInnerServerFunctions()).toEqual([]);
});

describe('the first statement', () => {
  test.each(actions.map(({ name, first }) => [name, first] as const))('of %s is its guard', (name, first) => {
    const guard = actionTable[name]?.guard;
    if (guard === null) {
      expect(visitors.every((visitor) => actionTable[name]!.answers[visitor] === 'heard')).toBe(true);
      return;
    }
    expect(callsGuard(first[0], guard!), first[0]).toBe(true);
    // This guard answers instead of leading away, so the answer must be passed on before anything else happens.
    if (['readActor', 'readEnrollingActor'].includes(guard!))
      expect(first[1]).toBe('if (!actor.ok) return actor.answer;');
  });

  const guarded = routes.filter(
    ({ name, isPage }) => isPage && ['sign_in', 'forbidden'].includes(routeTable[name]?.nobody ?? ''),
  );
  test.each(guarded)('of the page $name is its guard', ({ name, file }) => {
    const start = readPageStart(file);
    const needsRole = Object.values(routeTable[name]!).includes('forbidden');
    const guards = needsRole
      ? ['requireRole']
      : ['requireUser', 'requireEnrollingUser', 'requireProver', 'requireFirstStep'];
    expect(
      guards.some((guard) => callsGuard(start, guard)),
      start,
    ).toBe(true);
  });
});
