import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeGate, type Bounds, type Ticket, type Turn } from '../../scripts/web/gate';

const small: Bounds = {
  inProgress: [4, 4],
  inProgressPerNetwork: [2, 2],
  waiting: 8,
  waitingPerNetwork: 5,
  inProgressPerSubject: 1,
  waitingPerSubject: 3,
  patienceMs: 10_000,
  placeMs: 30_000,
};

type Visit = Ticket & {
  network: string;
  subject: string;
  name: string;
  state: Turn | 'waiting' | 'over';
  admittedMs: number;
};

/** A gate with a clock of its own, and what became of everyone who came to it. */
function open(bounds: Partial<Bounds> = {}) {
  let nowMs = 0;
  // Those of `x:` lie in one wide network.
  const gate = makeGate(
    { ...small, ...bounds },
    (network) => network.split(':')[0]!,
    () => nowMs,
  );
  const visits: Visit[] = [];
  const admitted: Visit[] = [];
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return {
    visits,
    admitted,
    settled,
    enter: (network: string, subject = ''): Visit => {
      const visit: Visit = {
        ...gate.enter(network, subject === '' ? [] : [subject]),
        network,
        subject,
        name: `${network}${visits.length}`,
        state: 'waiting',
        admittedMs: NaN,
      };
      visits.push(visit);
      void visit.turn.then((turn) => {
        visit.state = turn;
        visit.admittedMs = nowMs;
        if (turn === 'go') admitted.push(visit);
      });
      return visit;
    },
    leave: (visit: Visit) => {
      visit.leave();
      if (visit.state === 'go') visit.state = 'over';
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
    sweep: (isLoopFree = false) => gate.sweep(isLoopFree),
    /** Those in progress whose places have not been taken back, since they kept them too long. */
    held: (network?: string) =>
      visits.filter(
        (each) =>
          each.state === 'go' &&
          nowMs < each.admittedMs + small.placeMs &&
          (network === undefined || each.network === network),
      ),
    of: (state: Visit['state'], network?: string) =>
      visits.filter((each) => each.state === state && (network === undefined || each.network === network)),
  };
}

test('however requests come, go and give up: never more in progress or waiting than the bounds, and no place is idle', async () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ enter: fc.constantFrom('a', 'b', 'c', 'd') }) },
    { weight: 4, arbitrary: fc.record({ leave: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ pass: fc.integer({ min: 1, max: 12_000 }) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const gate = open();
      let known = 0;
      const waitedFor = new Map<string, Set<string>>();
      for (const each of steps) {
        if ('enter' in each) gate.enter(each.enter);
        else if ('pass' in each) {
          gate.pass(each.pass);
          gate.sweep();
        } else if (gate.visits.length > 0) gate.leave(gate.visits[each.leave % gate.visits.length]!);
        await gate.settled();

        const networks = [...new Set(gate.visits.map(({ network }) => network))];
        expect(gate.held().length).toBeLessThanOrEqual(small.inProgress[0]);
        expect(gate.of('waiting').length).toBeLessThanOrEqual(small.waiting);
        for (const network of networks) {
          expect(gate.held(network).length).toBeLessThanOrEqual(small.inProgressPerNetwork[0]);
          expect(gate.of('waiting', network).length).toBeLessThanOrEqual(small.waitingPerNetwork);
          const mayGo =
            gate.held().length < small.inProgress[0] &&
            gate.held(network).length < small.inProgressPerNetwork[0];
          if (mayGo) expect(gate.of('waiting', network)).toEqual([]);
        }
        // Nobody is let in twice while another network waits that could have had the place.
        for (const { network } of gate.admitted.slice(known)) {
          expect(waitedFor.get(network)?.size ?? 0).toBe(0);
          waitedFor.set(network, new Set());
          for (const own of waitedFor.values()) own.delete(network);
          for (const other of networks) {
            const couldGo =
              other !== network &&
              gate.of('waiting', other).length > 0 &&
              gate.held(other).length < small.inProgressPerNetwork[0];
            if (couldGo) waitedFor.get(network)!.add(other);
          }
        }
        for (const own of waitedFor.values()) {
          for (const other of own) {
            const couldGo =
              gate.of('waiting', other).length > 0 && gate.held(other).length < small.inProgressPerNetwork[0];
            if (!couldGo) own.delete(other);
          }
        }
        known = gate.admitted.length;
      }
    }),
    { numRuns: 300 },
  );
});

test('however requests about the same few things come: one about each is in progress, few wait, and nobody else waits for them', async () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        enter: fc.constantFrom('a:1', 'a:2', 'b'),
        about: fc.constantFrom('', 'x', 'y'),
      }),
    },
    { weight: 4, arbitrary: fc.record({ leave: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ pass: fc.integer({ min: 1, max: 12_000 }) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const gate = open();
      for (const each of steps) {
        if ('enter' in each) gate.enter(each.enter, each.about);
        else if ('pass' in each) {
          gate.pass(each.pass);
          gate.sweep();
        } else if (gate.visits.length > 0) gate.leave(gate.visits[each.leave % gate.visits.length]!);
        await gate.settled();
        for (const subject of ['x', 'y']) {
          const about = (visit: Visit) => visit.subject === subject;
          expect(gate.held().filter(about).length).toBeLessThanOrEqual(1);
          for (const network of ['a:1', 'a:2', 'b']) {
            expect(gate.of('waiting', network).filter(about).length).toBeLessThanOrEqual(3);
          }
        }
        for (const { network, subject } of gate.of('waiting')) {
          const hasPlace = gate.held().length < small.inProgress[0] && gate.held(network).length < 2;
          const isHeld = subject !== '' && gate.held().some((held) => held.subject === subject);
          expect(hasPlace && !isHeld).toBe(false);
        }
      }
    }),
    { numRuns: 300 },
  );
});

describe('while everything about one subject waits for a lock', () => {
  test('what is about another goes first, and of the first one more each time that one is done', async () => {
    const gate = open({ waiting: 20, waitingPerNetwork: 20 });
    const held = Array.from({ length: 6 }, () => gate.enter('twilio', 'held'));
    const other = gate.enter('twilio', 'other');
    await gate.settled();
    expect(held.map(({ state }) => state)).toEqual(['go', 'waiting', 'waiting', 'waiting', 'busy', 'busy']);
    expect(other.state).toBe('go');
    gate.leave(held[0]!);
    await gate.settled();
    expect(held.map(({ state }) => state).slice(0, 3)).toEqual(['over', 'go', 'waiting']);
  });

  test('who forges calls about it from another network takes neither the turn nor the room of the rightful', async () => {
    const gate = open({ waiting: 20, waitingPerNetwork: 20 });
    const forged = Array.from({ length: 5 }, () => gate.enter('forger', 'held'));
    const rightful = gate.enter('twilio', 'held');
    await gate.settled();
    gate.leave(forged[0]!);
    await gate.settled();
    expect([rightful.state, forged[1]!.state]).toEqual(['go', 'waiting']);
  });
});

describe('while one network keeps everything busy', () => {
  test('another is let in at once, since one network never has all the places', async () => {
    const gate = open();
    for (let count = 0; count < 7; count += 1) gate.enter('flood');
    const other = gate.enter('other');
    await gate.settled();
    expect([gate.of('go', 'flood').length, other.state]).toEqual([2, 'go']);
  });

  test('its own go first come, first served', async () => {
    const gate = open();
    const flood = Array.from({ length: 6 }, () => gate.enter('flood'));
    for (const each of flood) {
      await gate.settled();
      gate.leave(each);
    }
    await gate.settled();
    expect(gate.admitted).toEqual(flood);
  });
});

describe('while several networks keep more waiting than there are places', () => {
  const crowd = ['a', 'b', 'c', 'd', 'e'];
  const crowded = () => {
    const gate = open({
      inProgress: [1, 1],
      inProgressPerNetwork: [1, 1],
      waiting: 100,
      waitingPerNetwork: 10,
    });
    for (let count = 0; count < 4; count += 1) for (const network of crowd) gate.enter(network);
    return gate;
  };
  const serve = async (gate: ReturnType<typeof open>, count: number) => {
    for (let served = 0; served < count; served += 1) {
      await gate.settled();
      gate.pass(10);
      gate.leave(gate.of('go')[0]!);
    }
    await gate.settled();
    return gate.admitted.map(({ network }) => network);
  };

  test('they go in turns', async () => {
    expect(await serve(crowded(), 9)).toEqual([...crowd, ...crowd]);
  });

  test('one that has asked for nothing lately goes next', async () => {
    const gate = crowded();
    await serve(gate, 6);
    gate.enter('newcomer');
    expect((await serve(gate, 1)).at(-1)).toBe('newcomer');
  });

  test('also before those that came earlier with much at once and have not been let in yet', async () => {
    const gate = crowded();
    gate.pass(2_000);
    gate.enter('newcomer');
    expect(await serve(gate, 1)).toEqual(['a', 'newcomer']);
  });

  test('one from elsewhere goes before newcomers of a wide network that was let in just now', async () => {
    const gate = open({ inProgress: [1, 1], inProgressPerNetwork: [1, 1], waiting: 1_000 });
    for (let round = 0; round < 40; round += 1) gate.enter(`held:${round}`);
    gate.pass(3_000);
    gate.enter('elsewhere');
    gate.enter('held:late');
    expect(await serve(gate, 3)).toEqual(['held:0', 'elsewhere', 'held:1', 'held:2']);
  });

  test('also before those of it that have waited for long, of which one goes every fourth turn', async () => {
    const gate = open({ inProgress: [1, 1], inProgressPerNetwork: [1, 1], waiting: 1_000 });
    for (let round = 0; round < 40; round += 1) gate.enter(`held:${round}`);
    gate.pass(8_000);
    for (const one of ['one', 'two', 'three', 'four', 'five', 'six']) gate.enter(one);
    const wideTurns = ['held:0', 'held:1', 'one', 'two'];
    expect(await serve(gate, 9)).toEqual([...wideTurns, 'held:2', 'three', 'four', 'five', 'held:3', 'six']);
  });

  test('a crowd that came first has every other turn, where ten wide networks have waited for long, too', async () => {
    const gate = open({ inProgress: [1, 1], inProgressPerNetwork: [1, 1], waiting: 1_000 });
    for (let count = 0; count < 40; count += 1) gate.enter(`crowd:${count}`);
    gate.pass(100);
    for (let count = 0; count < 100; count += 1) gate.enter(`wide ${count % 10}:${count}`);
    gate.pass(6_000);
    await serve(gate, 10);
    const turns = (await serve(gate, 40)).slice(-40);
    expect(turns.filter((network) => network.startsWith('crowd:')).length).toBeGreaterThanOrEqual(20);
  });

  test('what has waited for long takes no more turns of others once its network was let in', async () => {
    const gate = open({ inProgress: [1, 1], inProgressPerNetwork: [1, 1] });
    for (let count = 0; count < 4; count += 1) gate.enter('held');
    gate.pass(8_000);
    for (const one of ['one', 'two', 'three']) gate.enter(one);
    expect(await serve(gate, 5)).toEqual(['held', 'held', 'one', 'two', 'three', 'held']);
  });

  test('one that comes again soon still goes before who holds so many networks that each is let in seldom', async () => {
    const gate = open({ inProgress: [1, 1], inProgressPerNetwork: [1, 1], waiting: 1_000 });
    for (let round = 0; round < 40; round += 1) gate.enter(`held:${round}`);
    gate.enter('elsewhere');
    await serve(gate, 2);
    gate.pass(1_000);
    gate.enter('elsewhere');
    expect(await serve(gate, 1)).toEqual(['held:0', 'elsewhere', 'held:1', 'elsewhere']);
  });

  test.each([
    ['networks', (name: string) => name],
    ['networks of one wide network', (name: string) => `held:${name}`],
  ])(
    'of new %s without end, none that comes more than half the patience later goes before who waits',
    async (_, nameOf) => {
      const gate = open({
        inProgress: [1, 1],
        inProgressPerNetwork: [1, 1],
        waiting: 1_000,
        waitingPerNetwork: 10,
      });
      gate.enter(nameOf('a'));
      const waits = gate.enter(nameOf('a'));
      const cameBefore = new Set<string>();
      for (let round = 0; waits.state === 'waiting' && round < 300; round += 1) {
        for (const one of ['one', 'two']) gate.enter(nameOf(`${one} of ${round}`));
        if (round * 100 <= 5_000) gate.visits.slice(-2).forEach(({ network }) => cameBefore.add(network));
        gate.pass(100);
        await serve(gate, 1);
      }
      expect(waits.state).toBe('go');
      const before = gate.admitted.slice(0, gate.admitted.indexOf(waits)).map(({ network }) => network);
      expect(before.filter((network) => network !== nameOf('a') && !cameBefore.has(network))).toEqual([]);
    },
  );
});

describe('while one keeps 150 requests waiting, of 300 networks, each again as soon as it is answered', () => {
  /** Twenty-five are served a second, for half a minute. How long the others waited, in milliseconds; NaN: refused. */
  const waitsOf = async (
    wideNetworks: number,
    others: { everyMs: number; nameOf: (count: number) => string },
  ) => {
    const gate = open({ inProgress: [1, 1], inProgressPerNetwork: [1, 1], waiting: 1_000 });
    let floods = 0;
    const flood = () => {
      floods += 1;
      return gate.enter(`held${floods % wideNetworks}:${floods % 300}`);
    };
    for (let count = 0; count < 150; count += 1) flood();
    const came: { visit: Visit; atMs: number }[] = [];
    for (let atMs = 0; atMs < 30_000; atMs += 40) {
      while (came.length * others.everyMs <= atMs) {
        came.push({ visit: gate.enter(others.nameOf(came.length)), atMs });
      }
      await gate.settled();
      gate.pass(40);
      gate.sweep();
      const served = gate.of('go')[0]!;
      gate.leave(served);
      if (served.network.startsWith('held')) flood();
    }
    await gate.settled();
    const done = came.filter(({ visit }) => visit.state !== 'waiting');
    return done.map(({ visit, atMs }) => (visit.state === 'busy' ? NaN : visit.admittedMs - atMs));
  };

  test.each([1, 10])('in %i wide networks: who comes from elsewhere waits for two of them', async (wide) => {
    const newcomers = await waitsOf(wide, { everyMs: 1_000, nameOf: (count) => `newcomer ${count}` });
    const again = await waitsOf(wide, { everyMs: 1_000, nameOf: (count) => `visitor ${count % 2}` });
    expect([newcomers.length, again.length]).toEqual([30, 30]);
    expect(Math.max(...newcomers, ...again)).toBeLessThanOrEqual(80);
  });

  test.each([1, 2, 10])(
    'in %i, while two thirds of the pages are for people from elsewhere: they hardly wait',
    async (wide) => {
      const many = await waitsOf(wide, { everyMs: 60, nameOf: (count) => `of ${count % 40}:${count}` });
      expect(many.length).toBeGreaterThan(490);
      expect(Math.max(...many)).toBeLessThan(1_000);
    },
  );

  test('in ten: nobody of a crowd of one carrier is refused', async () => {
    const crowd = await waitsOf(10, { everyMs: 200, nameOf: (count) => `carrier:${count}` });
    expect(crowd.length).toBeGreaterThan(90);
    expect(Math.max(...crowd)).toBeLessThan(10_000);
  });
});

describe('while the event loop has time', () => {
  const spanned = () =>
    open({ inProgress: [2, 12], inProgressPerNetwork: [1, 6], waiting: 100, waitingPerNetwork: 100 });
  const count = (gate: ReturnType<typeof open>) => [gate.of('go').length, gate.of('go', 'a').length];

  test('more are let in step by step, up to the most', async () => {
    const gate = spanned();
    for (let each = 0; each < 20; each += 1) for (const network of ['a', 'b', 'c']) gate.enter(network);
    await gate.settled();
    expect(count(gate)).toEqual([2, 1]);
    for (let sweeps = 0; sweeps < 5; sweeps += 1) gate.sweep(true);
    await gate.settled();
    expect(count(gate)).toEqual([7, 3]);
    for (let sweeps = 0; sweeps < 20; sweeps += 1) gate.sweep(true);
    await gate.settled();
    expect(count(gate)[0]).toBe(12);
    expect(Math.max(...['a', 'b', 'c'].map((network) => gate.of('go', network).length))).toBeLessThanOrEqual(
      6,
    );
  });

  test('and as soon as it has none, no more until few enough are in progress', async () => {
    const gate = spanned();
    for (let sweeps = 0; sweeps < 10; sweeps += 1) gate.sweep(true);
    const own = Array.from({ length: 8 }, () => gate.enter('a'));
    await gate.settled();
    expect(gate.of('go').length).toBe(6);
    gate.sweep(false);
    for (const each of own.slice(0, 5)) gate.leave(each);
    await gate.settled();
    expect([own[5]!.state, own[6]!.state]).toEqual(['go', 'waiting']);
    gate.leave(own[5]!);
    await gate.settled();
    expect([own[6]!.state, own[7]!.state]).toEqual(['go', 'waiting']);
  });
});

describe('who is refused', () => {
  test('the last of a network beyond what it may have waiting', async () => {
    const gate = open();
    const own = Array.from({ length: 8 }, () => gate.enter('a'));
    await gate.settled();
    expect(own.map(({ state }) => state)).toEqual(['go', 'go', ...Array<string>(5).fill('waiting'), 'busy']);
  });

  test('the last of the network with the most waiting, where all that may wait do, and never one with less', async () => {
    const gate = open({ inProgress: [1, 1], inProgressPerNetwork: [1, 1] });
    const most = Array.from({ length: 6 }, () => gate.enter('most'));
    const few = Array.from({ length: 3 }, () => gate.enter('few'));
    const one = gate.enter('one');
    await gate.settled();
    expect([most.at(-1)!.state, one.state]).toEqual(['busy', 'waiting']);
    expect(few.map(({ state }) => state)).toEqual(Array(3).fill('waiting'));
    // Where it has the most itself, it is the last to come.
    const again = gate.enter('most');
    await gate.settled();
    expect(again.state).toBe('busy');
  });

  test('the last of the wide network with the most waiting, however few of each of its networks do', async () => {
    const gate = open({ inProgress: [1, 1], inProgressPerNetwork: [1, 1] });
    const most = Array.from({ length: 9 }, (_, count) => gate.enter(`held:${count}`));
    await gate.settled();
    expect(most.map(({ state }) => state)).toEqual(['go', ...Array<string>(8).fill('waiting')]);
    const few = Array.from({ length: 3 }, () => gate.enter('few'));
    const again = gate.enter('held:again');
    await gate.settled();
    expect(few.map(({ state }) => state)).toEqual(Array(3).fill('waiting'));
    expect(most.slice(5).map(({ state }) => state)).toEqual(['waiting', 'busy', 'busy', 'busy']);
    expect(again.state).toBe('busy');
  });

  test('of two wide networks with as many, who comes now', async () => {
    const gate = open({ inProgress: [1, 1], inProgressPerNetwork: [1, 1] });
    const others = [
      ...Array.from({ length: 4 }, (_, count) => gate.enter(`own:${count}`)),
      ...Array.from({ length: 4 }, (_, count) => gate.enter(`other:${count}`)),
      gate.enter('third'),
    ];
    const last = gate.enter('own:last');
    await gate.settled();
    expect(others.map(({ state }) => state)).toEqual(['go', ...Array<string>(8).fill('waiting')]);
    expect(last.state).toBe('busy');
  });

  test('within it, the last of the network with the most', async () => {
    const gate = open({ inProgress: [1, 1], inProgressPerNetwork: [1, 1] });
    const more = Array.from({ length: 4 }, () => gate.enter('held:more'));
    const less = Array.from({ length: 5 }, (_, count) => gate.enter(`held:${count}`));
    const elsewhere = gate.enter('elsewhere');
    await gate.settled();
    expect([more.at(-1)!.state, elsewhere.state]).toEqual(['busy', 'waiting']);
    expect(less.map(({ state }) => state)).toEqual(Array(5).fill('waiting'));
  });

  test('who has waited for the whole patience', async () => {
    const gate = open();
    const own = Array.from({ length: 3 }, () => gate.enter('a'));
    gate.pass(9_999);
    gate.sweep();
    await gate.settled();
    expect(own[2]!.state).toBe('waiting');
    gate.pass(1);
    gate.sweep();
    await gate.settled();
    expect(own[2]!.state).toBe('busy');
  });
});

describe('a place', () => {
  test('that is kept for too long goes to the next, and what then ends late gives nothing back twice', async () => {
    const gate = open({ patienceMs: 60_000 });
    const own = Array.from({ length: 5 }, () => gate.enter('a'));
    gate.pass(30_000);
    gate.sweep();
    await gate.settled();
    expect(own.map(({ state }) => state)).toEqual(['go', 'go', 'go', 'go', 'waiting']);
    own[0]!.leave();
    own[1]!.leave();
    await gate.settled();
    expect(own[4]!.state).toBe('waiting');
    gate.leave(own[2]!);
    await gate.settled();
    expect(own[4]!.state).toBe('go');
  });

  test('that is to be left soon is left then, and never later than without that', async () => {
    const gate = open({ patienceMs: 60_000 });
    const own = Array.from({ length: 4 }, () => gate.enter('a'));
    own[0]!.leaveWithin(1_000);
    own[1]!.leaveWithin(90_000);
    gate.pass(1_000);
    gate.sweep();
    await gate.settled();
    expect([own[2]!.state, own[3]!.state]).toEqual(['go', 'waiting']);
    gate.pass(29_000);
    gate.sweep();
    await gate.settled();
    expect(own[3]!.state).toBe('go');
  });

  test('is not taken by who left while waiting', async () => {
    const gate = open();
    const own = Array.from({ length: 4 }, () => gate.enter('a'));
    own[2]!.leave();
    own[2]!.leave();
    gate.leave(own[0]!);
    await gate.settled();
    expect([own[2]!.state, own[3]!.state]).toEqual(['gone', 'go']);
  });
});
