import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import nextEnv from '@next/env';
import { isLoopbackHostname, parseEnv, type Env, type EnvSource } from '@/lib/env';
import { makeDataFolder } from './postgres/embedded';
import { dataFolder, projectRoot } from './project-root';
import { oneLine, StartProblem } from './start-problem';

export type Mode = 'production' | 'development';

/** Checked settings, with what the embedded database still has to fill in told apart. */
export type Settings = {
  env: Env;
  /** Whether DATABASE_URL was left unset, so that the embedded database serves. */
  isEmbedded: boolean;
  /** What child processes get besides our own environment; DATABASE_URL is added once the database runs. */
  variables: Record<string, string>;
};

/**
 * Reads `.env`, `.env.local` and `.env.<mode>` into the environment (what is already set wins) and checks the whole.
 * Throws a StartProblem with one line for each variable that is missing or malformed. On localhost a secret is made
 * once and kept; nothing is written unless everything else is in order.
 */
export function loadSettings(mode: Mode): Settings {
  loadEnvFiles(mode);
  return readSettings(process.env);
}

/** Reads the `.env` files of a mode into the environment, whatever NODE_ENV said before. */
function loadEnvFiles(mode: Mode): void {
  const environment: Record<string, string | undefined> = process.env;
  environment.NODE_ENV = mode;
  nextEnv.loadEnvConfig(projectRoot, mode === 'development', { info: () => undefined, error: console.error });
}

/** The checking half of `loadSettings`, over a given environment. */
export function readSettings(source: EnvSource): Settings {
  const isEmbedded = !source.DATABASE_URL?.trim();
  const lacksSecret = !source.AUTH_SECRET?.trim() && isLocal(source.APP_URL);
  const parse = (authSecret: string | undefined): ReturnType<typeof parseEnv> =>
    parseEnv({
      ...source,
      ...(isEmbedded ? { DATABASE_URL: 'postgres://localhost/embedded' } : {}),
      ...(authSecret ? { AUTH_SECRET: authSecret } : {}),
    });

  let parsed = parse(lacksSecret ? 'made once everything else is in order' : undefined);
  if (parsed.ok && lacksSecret) parsed = parse(keepLocalSecret());
  const problems = parsed.ok ? [] : parsed.problems;
  if (isEmbedded && source.DATABASE_OWNER_URL?.trim()) {
    problems.push('DATABASE_OWNER_URL is set while DATABASE_URL is not: set both or none');
  }
  if (problems.length > 0 || !parsed.ok) throw new StartProblem(problems.join('\n'));
  const settings = parsed.value;
  return {
    env: settings,
    isEmbedded,
    variables: {
      PORT: String(settings.port),
      APP_URL: settings.appUrl.origin,
      AUTH_SECRET: settings.authSecrets.join(','),
      // What serves never learns how to change tables, also not from an .env file that Next reads.
      DATABASE_OWNER_URL: '',
    },
  };
}

function isLocal(appUrl: string | undefined): boolean {
  const text = appUrl?.trim();
  return !text || (URL.canParse(text) && isLoopbackHostname(new URL(text).hostname));
}

function keepLocalSecret(): string {
  makeDataFolder(dataFolder);
  const file = join(dataFolder, 'auth-secret');
  try {
    const kept = readFileSync(file, 'utf8').trim();
    if (kept) return kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new StartProblem(`The secret in ${file} cannot be read: ${oneLine(error)}`);
    }
  }
  const secret = randomBytes(48).toString('base64url');
  writeFileSync(`${file}.tmp`, secret, { mode: 0o600 });
  renameSync(`${file}.tmp`, file);
  return secret;
}
