import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runHousekeeping } from '@/lib/housekeeping';

const timing = { everyMs: 1_000, roundsOfPatience: 4 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a round that hangs holds up the next ones for a while, and not for ever', async () => {
  const keep = vi.fn(async () => undefined).mockReturnValueOnce(new Promise(() => undefined));
  const housekeeping = runHousekeeping(timing, keep);
  await vi.advanceTimersByTimeAsync(5_500);
  expect(keep).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(keep).toHaveBeenCalledTimes(4);
  await housekeeping.stop();
});

test('to stop is to wait for the round under way, and to begin no other', async () => {
  let finish: () => void = () => undefined;
  const keep = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)));
  const housekeeping = runHousekeeping(timing, keep);
  await vi.advanceTimersByTimeAsync(1_000);
  let stopped = false;
  const stopping = housekeeping.stop().then(() => (stopped = true));
  await vi.advanceTimersByTimeAsync(3_000);
  expect({ stopped, rounds: keep.mock.calls.length }).toEqual({ stopped: false, rounds: 1 });
  finish();
  await stopping;
});
