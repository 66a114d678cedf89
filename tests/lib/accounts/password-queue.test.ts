import { describe, expect, test } from 'vitest';
import { makePasswordQueue, type Lane } from '@/lib/accounts/password-queue';

type Running = { name: string; end: (fault?: Error) => void };

/** A queue before one thread, tasks that end when told to, and a clock that says how long each took. */
function makeQueue({ threads = 1, taskMs = 500, wideOf = (source: string) => source } = {}) {
  let clockMs = 0;
  const running: Running[] = [];
  const inTurn = makePasswordQueue(threads, wideOf, () => clockMs);
  const ask = (name: string, source: string, lane: Lane = 'hash') =>
    inTurn(
      { lane, source },
      () =>
        new Promise<string>((resolve, reject) =>
          running.push({ name, end: (fault) => (fault ? reject(fault) : resolve(name)) }),
        ),
    );
  const endNext = async (fault?: Error): Promise<string> => {
    const { name, end } = running.shift()!;
    clockMs += taskMs;
    end(fault);
    await new Promise((resume) => setImmediate(resume));
    return name;
  };
  const endAll = async (): Promise<string[]> => {
    const names: string[] = [];
    while (running.length > 0) names.push(await endNext());
    return names;
  };
  /** Runs enough tasks for the queue to know how long they take. */
  const learn = async () => {
    for (let n = 0; n < 80; n += 1) {
      const done = ask('learn', 'learn');
      await endNext();
      await done;
    }
  };
  return { ask, running, endNext, endAll, learn };
}

const many = (count: number) => Array.from({ length: count }, (_, n) => n + 1);

test('never runs more tasks than there are threads', async () => {
  const { ask, running, endAll } = makeQueue({ threads: 3 });
  const asked = many(10).map((n) => ask(`task ${n}`, 'a'));
  expect(running).toHaveLength(3);
  expect(await endAll()).toHaveLength(10);
  expect(await Promise.all(asked)).toEqual(many(10).map((n) => `task ${n}`));
});

test.each([
  [500, 1, 10],
  [245, 1, 20],
  [500, 4, 40],
])(
  'takes what waits for five seconds at most: of tasks of %i ms on %i threads, %i',
  async (taskMs, threads, room) => {
    const { ask, endAll, learn } = makeQueue({ taskMs, threads });
    await learn();
    many(threads).forEach((n) => void ask(`running ${n}`, 'a'));
    const waiting = many(room).map((n) => ask(`waiting ${n}`, 'a'));
    expect(await ask('one too many', 'a')).toBe('busy');
    await endAll();
    expect(await Promise.all(waiting)).not.toContain('busy');
  },
);

test('takes eight however slow they are', async () => {
  const { ask, endAll, learn } = makeQueue({ taskMs: 4_000 });
  await learn();
  void ask('running', 'a');
  const waiting = many(8).map((n) => ask(`waiting ${n}`, 'a'));
  expect(await ask('one too many', 'a')).toBe('busy');
  await endAll();
  expect(await Promise.all(waiting)).not.toContain('busy');
});

test('takes fewer where other lanes are served between', async () => {
  const { ask, endAll, learn } = makeQueue({ taskMs: 245 });
  await learn();
  void ask('running', 'a');
  void ask('check', 'a', 'verify');
  many(10).forEach((n) => void ask(`waiting ${n}`, 'a'));
  expect(await ask('one too many', 'a')).toBe('busy');
  await endAll();
});

test('serves the lanes in turn, so that no flood holds up another kind', async () => {
  const { ask, endAll } = makeQueue();
  void ask('running', 'a');
  many(5).forEach((n) => void ask(`hash ${n}`, 'a'));
  void ask('check', 'a', 'verify');
  void ask('known', 'a', 'verify_known');
  expect((await endAll()).slice(0, 5)).toEqual(['running', 'check', 'known', 'hash 1', 'hash 2']);
});

test('serves the sources in turn, so that one that brings many makes another wait for one of them', async () => {
  const { ask, endAll } = makeQueue();
  void ask('running', 'flood');
  many(6).forEach((n) => void ask(`flood ${n}`, 'flood'));
  void ask('other 1', 'other');
  void ask('other 2', 'other');
  expect(await endAll()).toEqual([
    'running',
    'flood 1',
    'other 1',
    'flood 2',
    'other 2',
    'flood 3',
    'flood 4',
    'flood 5',
    'flood 6',
  ]);
});

test('a full lane makes room for a source with fewer waiting, at the cost of the one with the most', async () => {
  const { ask, endAll, learn } = makeQueue({ taskMs: 500 });
  await learn();
  void ask('running', 'flood');
  const flood = many(10).map((n) => ask(`flood ${n}`, 'flood'));
  const other = ask('other', 'other');
  expect(await flood[9]).toBe('busy');
  const order = await endAll();
  expect(order.indexOf('other')).toBeLessThanOrEqual(2);
  expect(await other).toBe('other');
  expect((await Promise.all(flood)).filter((answer) => answer === 'busy')).toHaveLength(1);
});

test('a full lane of as many sources refuses one more, and none of them', async () => {
  const { ask, endAll, learn } = makeQueue({ taskMs: 500 });
  await learn();
  void ask('running', 'a');
  const waiting = many(10).map((n) => ask(`${n}`, `source ${n}`));
  expect(await ask('new', 'new')).toBe('busy');
  await endAll();
  expect(await Promise.all(waiting)).not.toContain('busy');
});

test.each([
  ['two at a time', 15, 2],
  ['one at a time', 40, 1],
  ['many at a time', 4, 20],
])(
  'of networks that keep asking, %s, none keeps out someone who comes for the first time in a while',
  async (_, networks, atATime) => {
    const { ask, endNext, learn } = makeQueue({ taskMs: 500 });
    await learn();
    const wishes = many(networks * atATime).map((n) => ({
      source: `network ${n % networks}`,
      isAsked: false,
    }));
    /** Everyone who has an answer asks again. */
    const press = () => {
      for (const wish of wishes) {
        if (wish.isAsked) continue;
        wish.isAsked = true;
        void ask('again', wish.source, 'verify').finally(() => (wish.isAsked = false));
      }
    };
    const step = async () => {
      press();
      await endNext();
      press();
    };
    for (let n = 0; n < 60; n += 1) await step();
    const answers: string[] = [];
    for (const n of many(12)) {
      let answer: string | null = null;
      void ask(`newcomer ${n}`, `newcomer ${n}`, 'verify').then((given) => (answer = given));
      let steps = 0;
      for (; answer === null && steps < 50; steps += 1) await step();
      // What waits takes five seconds at most, and two were under way.
      expect(steps).toBeLessThanOrEqual(12);
      answers.push(answer ?? 'none');
    }
    expect(answers).toEqual(many(12).map((n) => `newcomer ${n}`));
  },
);

test('who was served last makes room first, and nobody for whom was served after them', async () => {
  const { ask, endAll, endNext, learn } = makeQueue({ taskMs: 500 });
  await learn();
  for (const n of many(10)) {
    void ask(`${n}`, `source ${n}`);
    await endNext();
  }
  void ask('running', 'learn');
  const waiting = many(10).map((n) => ask(`${n}`, `source ${n}`));
  expect(await ask('again', 'learn')).toBe('busy');
  const first = ask('first', 'first');
  const second = ask('second', 'second');
  expect(await Promise.all([waiting[9], waiting[8]])).toEqual(['busy', 'busy']);
  await endAll();
  expect(await Promise.all([first, second])).toEqual(['first', 'second']);
  expect(await Promise.all(waiting.slice(0, 8))).not.toContain('busy');
});

describe('of one wide network', () => {
  const wideOf = (source: string) => source.split('/')[0]!;

  test('thousands of sources are served as often as one from elsewhere', async () => {
    const { ask, endAll, endNext, learn } = makeQueue({ wideOf });
    await learn();
    void ask('running', 'flood/0');
    many(10).forEach((n) => void ask(`flood ${n}`, `flood/${n}`));
    const others = many(4).map((n) => ask(`other ${n}`, `other${n}/1`));
    await endNext();
    await endNext();
    expect((await endAll()).slice(0, 4)).toEqual(many(4).map((n) => `other ${n}`));
    expect(await Promise.all(others)).not.toContain('busy');
  });

  test('the one with the most sources makes room, and within it the source with the most', async () => {
    const { ask, endAll, learn } = makeQueue({ wideOf });
    await learn();
    void ask('running', 'flood/0');
    const flood = many(5).map((n) => ask(`flood ${n}`, `flood/${n}`));
    const twice = ask('twice', 'flood/3');
    const others = many(4).map((n) => ask(`other ${n}`, 'other/1'));
    const neighbor = ask('neighbor', 'other/2');
    expect(await twice).toBe('busy');
    // Both have five by now, and the flood was served last.
    const another = ask('another', 'third/1');
    expect(await flood[4]).toBe('busy');
    // They would have more than anyone: it is one of their own that would have to go, and none of those has more than this one.
    expect(await ask('too many', 'other/1')).toBe('busy');
    await endAll();
    expect(await Promise.all([neighbor, another, ...others, ...flood.slice(0, 4)])).not.toContain('busy');
  });

  test('people who all come from one are served as if there were no others', async () => {
    const { ask, endAll } = makeQueue({ wideOf });
    void ask('running', 'carrier/0');
    many(3).forEach((n) => void ask(`first ${n}`, 'carrier/1'));
    void ask('second', 'carrier/2');
    expect(await endAll()).toEqual(['running', 'first 1', 'second', 'first 2', 'first 3']);
  });
});

test('a task that fails fails for itself alone, and the next one runs', async () => {
  const { ask, endNext, running } = makeQueue();
  const unlucky = ask('unlucky', 'a');
  const next = ask('next', 'a');
  const fault = new Error('the worker died');
  const lost = expect(unlucky).rejects.toBe(fault);
  await endNext(fault);
  await lost;
  await endNext();
  expect(await next).toBe('next');
  const later = ask('later', 'a');
  expect(running).toHaveLength(1);
  await endNext();
  expect(await later).toBe('later');
});
