import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Settings of a developer's own `.env` that must not reach a command under test. */
const settings = {
  // That of the tests, which read what a command signs and seals.
  AUTH_SECRET: process.env.AUTH_SECRET,
  APP_URL: '',
  SMS_BACKEND: 'console',
  NODE_ENV: 'test',
};

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

/** The file that `npm run <name>` starts, from the project's folder. */
export function fileOfCommand(name: string): string {
  return scripts[name]!.split(' ').at(-1)!;
}

/** Runs a command as a person would, with `input` piped into it. Out: what it printed and its code. */
export async function runScript(
  name: string,
  args: readonly string[],
  { input = '', ...environment }: { DATABASE_URL: string; APP_URL?: string; input?: string },
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', fileOfCommand(name), ...args], {
    cwd: root,
    env: { ...process.env, ...settings, ...environment } as NodeJS.ProcessEnv,
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}
