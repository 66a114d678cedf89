import { readdirSync, readFileSync } from 'node:fs';

/** Whose processor time is told apart; `rest` is what else the launcher has started. */
export type Part = 'web' | 'dispatcher' | 'database' | 'floor' | 'rest';

/** Milliseconds of processor time that each thread has used since it began, by part and thread. */
export type ProcessorTimes = ReadonlyMap<string, { part: Part; ms: number }>;

type Root = { pid: number; part: Part };

/** Whether this system says how much each thread has worked (Linux). Elsewhere the columns stay empty. */
export const saysProcessorTime = readText('/proc/self/schedstat') !== '';

/**
 * Reads what the processes below each root have used. Below the launcher the web server and the dispatcher are known by their
 * command lines; all else belongs to the part of its parent.
 */
export function readProcessorTimes(roots: readonly Root[]): ProcessorTimes {
  const times = new Map<string, { part: Part; ms: number }>();
  if (!saysProcessorTime) return times;
  const children = findChildren();
  const visit = (pid: number, inherited: Part): void => {
    const part = partOf(readText(`/proc/${pid}/cmdline`)) ?? inherited;
    for (const thread of listNames(`/proc/${pid}/task`)) {
      const [nanoseconds] = readText(`/proc/${pid}/task/${thread}/schedstat`).split(' ');
      times.set(`${pid}/${thread}`, { part, ms: Number(nanoseconds || 0) / 1e6 });
    }
    for (const child of children.get(pid) ?? []) visit(child, part);
  };
  for (const { pid, part } of roots) visit(pid, part);
  return times;
}

/** What each part has used between two readings. A thread that has ended meanwhile takes nothing from the others. */
export function processorTimeBetween(before: ProcessorTimes, after: ProcessorTimes): Record<Part, number> {
  const used: Record<Part, number> = { web: 0, dispatcher: 0, database: 0, floor: 0, rest: 0 };
  for (const [thread, { part, ms }] of after) {
    used[part] += Math.max(0, ms - (before.get(thread)?.ms ?? 0));
  }
  return used;
}

/** The memory that the processes of a part hold, in bytes; null where the system does not say. */
export function readMemory(roots: readonly Root[], part: Part): number | null {
  const pids = new Set(
    [...readProcessorTimes(roots)]
      .filter(([, time]) => time.part === part)
      .map(([thread]) => thread.split('/')[0]!),
  );
  if (pids.size === 0) return null;
  const kilobytes = [...pids].map((pid) =>
    Number(/VmRSS:\s+(\d+)/.exec(readText(`/proc/${pid}/status`))?.[1] ?? 0),
  );
  return kilobytes.reduce((sum, each) => sum + each, 0) * 1024;
}

function partOf(commandLine: string): Part | null {
  if (commandLine.includes('scripts/web.mjs')) return 'web';
  if (commandLine.includes('scripts/worker.ts')) return 'dispatcher';
  return null;
}

function findChildren(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const name of listNames('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readText(`/proc/${name}/stat`);
    // The name of the program, in parentheses, may have spaces in it.
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  return children;
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Empty for what is not there, or not there any more. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
