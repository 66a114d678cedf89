import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { makeWatchdog } from '@/lib/watchdog';

const patienceMs = 10_000;

describe('a watchdog', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('calls once when no beat came for its patience', async () => {
    const onStuck = vi.fn();
    makeWatchdog({ patienceMs, onStuck });
    await vi.advanceTimersByTimeAsync(patienceMs);
    expect(onStuck).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(patienceMs * 0.05);
    expect(onStuck).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(patienceMs * 10);
    expect(onStuck).toHaveBeenCalledTimes(1);
  });

  test('is silent as long as beats come, and counts from the last one', async () => {
    const onStuck = vi.fn();
    const watchdog = makeWatchdog({ patienceMs, onStuck });
    for (let times = 0; times < 20; times += 1) {
      await vi.advanceTimersByTimeAsync(patienceMs * 0.9);
      watchdog.beat();
    }
    expect(onStuck).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(patienceMs * 1.1);
    expect(onStuck).toHaveBeenCalledTimes(1);
  });

  test('takes a machine that slept, or a clock that was set, for no silence', async () => {
    const onStuck = vi.fn();
    const watchdog = makeWatchdog({ patienceMs, onStuck });
    await vi.advanceTimersByTimeAsync(patienceMs * 0.5);
    vi.setSystemTime(Date.now() + 24 * 3_600_000);
    await vi.advanceTimersByTimeAsync(patienceMs * 0.4);
    expect(onStuck).not.toHaveBeenCalled();
    watchdog.beat();
    await vi.advanceTimersByTimeAsync(patienceMs * 0.9);
    expect(onStuck).not.toHaveBeenCalled();
  });

  test('that was stopped calls nobody', async () => {
    const onStuck = vi.fn();
    makeWatchdog({ patienceMs, onStuck }).stop();
    await vi.advanceTimersByTimeAsync(patienceMs * 10);
    expect(onStuck).not.toHaveBeenCalled();
  });
});

test('a watchdog alone keeps no process alive', () => {
  const script = `import('./lib/watchdog.ts').then(({ makeWatchdog }) =>
    makeWatchdog({ patienceMs: 60_000, onStuck: () => process.exit(3) }))`;
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', '-e', script], {
    timeout: 30_000,
  });
  expect(status).toBe(0);
});
