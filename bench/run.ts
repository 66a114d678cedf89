import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { Client, Pool } from 'pg';
import { projectRoot } from '@/scripts/project-root';
import { readCommandLine } from '@/scripts/command-line';
import { exitWith, StartProblem } from '@/scripts/start-problem';
import { hashPassword } from '@/lib/accounts/password';
import { openCaller } from './browser';
import { countDatabase } from './database-counts';
import { openDoorstep } from './doorstep';
import { openFloor } from './floor';
import { measureIdle, measureRows, traceStatements, type Instruments, type Row } from './measure';
import { password, writePeople } from './people';
import { readMemory, readProcessorTimes, saysProcessorTime } from './processor-time';
import { listRows } from './rows';
import { startSystem, type BenchSystem } from './system';
import { renderTable } from './table';

const rounds = 5;
const tracedActs = 10;
const resultsFile = join(projectRoot, 'bench', 'results.md');
const say = (line: string): void => console.error(line);

/** Measures Doorstep beside a floor and prints one table; with `--write`, also to results.md. */
async function bench(args: readonly string[]): Promise<void> {
  const isWritten = args.includes('--write');
  const isTraced = args.includes('--statements');
  const { only, seconds } = readCommandLine(
    args.filter((each) => each !== '--write' && each !== '--statements'),
    {
      usage: 'npm run bench -- [--only send,check] [--seconds 5] [--statements] [--write]',
      about:
        'Builds if needed, starts a PostgreSQL and all of Doorstep on it, measures, and prints one table.\n' +
        '--only: these rows alone. --seconds: how long each side of a row is measured, about (5).\n' +
        '--statements: measures nothing, and lists the statements of each row.\n' +
        '--write: keeps the table in bench/results.md. What the rows mean is in bench/README.md.',
      options: ['only', 'seconds'],
    },
  );
  const secondsPerSide = Number(seconds ?? 5);
  if (!(secondsPerSide > 0)) throw new StartProblem('--seconds: Give a number above zero.');
  const startedAt = Date.now();
  const system = await startSystem(say);
  // Ctrl-C ends what was started, too.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void system.stop().finally(() => process.exit(1)));
  }
  try {
    const table = await measureSystem(system, {
      only: only?.split(',') ?? null,
      isTraced,
      blockSeconds: secondsPerSide / rounds,
    });
    const report = [
      table,
      '',
      ...describeMachine(await readServerVersion(system.benchUrl)),
      `${rounds} rounds, about ${secondsPerSide} s for each side of a row; ${Math.round((Date.now() - startedAt) / 1000)} s in all.`,
    ].join('\n');
    console.log(report);
    if (isWritten) writeFileSync(resultsFile, `${resultsHead}\n\n${report}\n`);
  } finally {
    await system.stop();
  }
}

const resultsHead = `# Results of the bench

The last run that was kept (\`npm run bench -- --write\`). [README.md](README.md) says what each row means and how to read it.`;

async function measureSystem(
  system: BenchSystem,
  {
    only,
    isTraced,
    blockSeconds,
  }: { only: readonly string[] | null; isTraced: boolean; blockSeconds: number },
): Promise<string> {
  const { appUrl, floorUrl, benchUrl, authSecret, provider, pids } = system;
  const hashed = await hashPassword(password);
  if (!hashed.ok) throw new Error('No password could be hashed');
  const app = openCaller(appUrl);
  const floorCaller = openCaller(floorUrl);
  const pool = new Pool({ connectionString: benchUrl, max: 4 });
  const counters = [
    await countDatabase(benchUrl, system.databaseUrl),
    await countDatabase(benchUrl, system.floorDatabaseUrl),
  ] as const;
  try {
    say('Writing people down …');
    const people = await writePeople(pool, { passwordHash: hashed.value, appUrl, authSecret });
    const doorstep = await openDoorstep({ call: app.call, pool, people, provider });
    const floor = openFloor(floorCaller.call, provider);
    const all = listRows(doorstep, floor);
    const unknown = only?.find((id) => !all.some((row) => row.id === id));
    if (unknown !== undefined) {
      throw new StartProblem(
        `--only: There is no row ${unknown}. Rows: ${all.map(({ id }) => id).join(', ')}`,
      );
    }
    const rows = only ? all.filter(({ id }) => only.includes(id)) : all;

    const roots = [
      { pid: pids.app, part: 'rest' },
      { pid: pids.database, part: 'database' },
      { pid: pids.floor, part: 'floor' },
    ] as const;
    const ofFloor = new Set<unknown>(Object.values(floor));
    const instruments: Instruments[] = [];
    const ownParts = [
      ['web', 'dispatcher', 'database', 'rest'],
      ['floor', 'database'],
    ] as const;
    for (const [index, counter] of counters.entries()) {
      await doorstep.settle();
      instruments.push({
        counter,
        idle: await measureIdle(counter, { looks: 5, lookMs: 2_000 }),
        readTimes: () => readProcessorTimes(roots),
        parts: ownParts[index]!,
        keepSeen: people.keepSeen,
        settle: doorstep.settle,
      });
    }
    const sideOf = (probe: Row['subject']) => ({
      probe,
      instruments: instruments[ofFloor.has(probe) ? 1 : 0]!,
    });
    if (isTraced) {
      const traced: string[] = [];
      for (const { id, subject } of rows) {
        traced.push(`${id}: ${subject.name}`);
        for (const [text, calls] of await traceStatements(sideOf(subject), tracedActs)) {
          traced.push(`${calls.toFixed(1).padStart(7)}  ${text.replace(/\s+/g, ' ')}`);
        }
      }
      return traced.join('\n');
    }
    const scripts = await doorstep.readScriptBytes();
    const found = await measureRows(
      rows.map((row) => ({ row, sides: [sideOf(row.subject), sideOf(row.beside)] as const })),
      { rounds, blockSeconds, say },
    );
    const table = renderTable(
      rows.map((row) => {
        const [figures, beside] = found.get(row)!;
        const scriptBytes = row.page ? scripts[row.page] : null;
        return { name: row.subject.name, figures, besideName: row.beside.name, beside, scriptBytes };
      }),
    );
    const megabytes = (part: 'web' | 'dispatcher') => {
      const bytes = readMemory(roots, part);
      return bytes === null ? 'unknown' : `${Math.round(bytes / 1e6)} MB`;
    };
    const notes = rows.flatMap(({ subject }) => subject.note?.() ?? []);
    const failed = [...found].flatMap(([{ subject, beside }, [figures, others]]) => [
      ...(figures.failed > 0 ? [`${figures.failed} × ${subject.name}`] : []),
      ...(others.failed > 0 ? [`${others.failed} × ${beside.name}`] : []),
    ]);
    if (failed.length > 0) notes.push(`Acts that failed, which no figure counts: ${failed.join('; ')}.`);
    return [
      table,
      '',
      ...notes,
      `Memory at the end: the web server ${megabytes('web')}, the dispatcher ${megabytes('dispatcher')}.`,
      ...(saysProcessorTime ? [] : ['This system does not say what each process has worked.']),
    ].join('\n');
  } finally {
    app.close();
    floorCaller.close();
    await pool.end();
    await Promise.all(counters.map((each) => each.close()));
  }
}

function describeMachine(postgres: string): string[] {
  const commit = git('rev-parse', '--short', 'HEAD');
  const isChanged = git('status', '--porcelain', '--', '.', ':!bench/results.md') !== '';
  const models = new Set(cpus().map(({ model }) => model.trim()));
  return [
    `Commit ${commit || 'unknown'}${isChanged ? ' with changes' : ''}, ${new Date().toISOString().slice(0, 10)}.`,
    `${availableParallelism()} cores (${[...models].join(', ')}), Node ${process.version.slice(1)}, PostgreSQL ${postgres}, Next ${readNextVersion()}.`,
    `Load of the machine at the end (1, 5 and 15 minutes): ${loadavg()
      .map((load) => load.toFixed(1))
      .join(', ')}; the bench itself makes up to ${availableParallelism()} and more of it.`,
  ];
}

async function readServerVersion(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ server_version: string }>('show server_version');
  await client.end();
  return rows[0]!.server_version;
}

function readNextVersion(): string {
  const manifest = readFileSync(join(projectRoot, 'node_modules/next/package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/** Empty where this is no checkout. */
function git(...words: string[]): string {
  try {
    return execFileSync('git', words, { cwd: projectRoot, encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return '';
  }
}

try {
  await bench(process.argv.slice(2));
  process.exit(0);
} catch (error) {
  exitWith(error);
}
