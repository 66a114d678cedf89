import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Settings of a developer's own `.env` that must not reach a command under test. */
const settings = {
  AUTH_SECRET: 'x'.repeat(32),
  APP_URL: '',
  SMS_BACKEND: 'console',
  NODE_ENV: 'test',
};

/** Runs a command as a person would, with `input` piped into it. Out: what it printed and its code. */
export async function runScript(
  name: string,
  args: readonly string[],
  { input = '', ...environment }: { DATABASE_URL: string; APP_URL?: string; input?: string },
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', `scripts/${name}.ts`, ...args], {
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
