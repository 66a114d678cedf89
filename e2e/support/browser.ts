import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright';

/** What Playwright's `launchOptions` need to start the browser that was found. */
export type Browser = { executablePath: string; args: string[]; env: Record<string, string> };

const programNames = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'];
const macPrograms = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/**
 * Finds a Chromium: CHROMIUM_PATH, then one installed on the system, then Playwright's own, then the one that comes
 * compressed in the npm package `@sparticuz/chromium` (Linux on x64; unpacked once per user, with its libraries and
 * fonts). Throws one line when there is none: browser tests fail then, they are never skipped.
 */
export async function findBrowser(source: NodeJS.ProcessEnv = process.env): Promise<Browser> {
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const env = Object.fromEntries(
    Object.entries(source).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );

  const asked = source.CHROMIUM_PATH;
  if (asked) {
    if (!isProgram(asked)) throw new Error(`CHROMIUM_PATH names no program that can be run: ${asked}`);
    return { executablePath: asked, args, env };
  }
  const installed = [
    ...(source.PATH ?? '')
      .split(delimiter)
      .flatMap((folder) => programNames.map((name) => join(folder, name))),
    ...(process.platform === 'darwin' ? macPrograms : []),
    chromium.executablePath(),
  ].find(isProgram);
  if (installed) return { executablePath: installed, args, env };

  const packaged = await unpackBrowser();
  if (!packaged) {
    throw new Error('No browser was found: install Chromium or Chrome, or set CHROMIUM_PATH to one.');
  }
  return {
    executablePath: join(packaged, 'chromium'),
    args: ['--no-sandbox', ...args.filter((arg) => arg !== '--no-sandbox')],
    env: {
      ...env,
      LD_LIBRARY_PATH: [join(packaged, 'al2023', 'lib'), env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
      FONTCONFIG_FILE: join(packaged, 'fonts.conf'),
    },
  };
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return lstatSync(path).isFile() || lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

async function unpackBrowser(): Promise<string | null> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return null;
  const entry = resolvePackage('@sparticuz/chromium');
  if (!entry) return null;
  const version = /"version":\s*"([^"]+)"/.exec(
    readFileSync(join(packageFolder(entry), 'package.json'), 'utf8'),
  )?.[1];
  const own = join(tmpdir(), `doorstep-browser-${process.getuid?.() ?? 0}`);
  mkdirSync(own, { recursive: true, mode: 0o700 });
  // Someone else could have made this folder first, to have us run what they put there.
  const { uid } = lstatSync(own);
  if (uid !== process.getuid?.() || !lstatSync(own).isDirectory()) {
    throw new Error(`The folder ${own} belongs to someone else: set TMPDIR to a folder of your own.`);
  }
  chmodSync(own, 0o700);
  const finished = join(own, `chromium-${version}`);
  if (existsSync(finished)) return finished;

  // The package unpacks into TMPDIR, and adds its libraries only where it believes to run on Amazon's servers.
  const unfinished = `${finished}.${process.pid}.tmp`;
  mkdirSync(unfinished);
  const before = { ...process.env };
  Object.assign(process.env, { TMPDIR: unfinished, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' });
  try {
    const { default: packaged } = (await import(pathToFileURL(entry).href)) as {
      default: { executablePath(): Promise<string> };
    };
    await packaged.executablePath();
  } finally {
    for (const name of ['TMPDIR', 'AWS_EXECUTION_ENV', 'LD_LIBRARY_PATH', 'FONTCONFIG_PATH', 'HOME']) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
  writeFileSync(
    join(unfinished, 'fonts.conf'),
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${finished}/fonts/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${finished}/font-cache</cachedir>
</fontconfig>
`,
  );
  try {
    renameSync(unfinished, finished);
  } catch (error) {
    // Another test run may have finished first.
    if (!existsSync(finished)) throw error;
    rmSync(unfinished, { recursive: true });
  }
  return finished;
}

function resolvePackage(name: string): string | null {
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch {
    return null;
  }
}

function packageFolder(entry: string): string {
  return existsSync(join(dirname(entry), 'bin')) ? dirname(entry) : packageFolder(dirname(entry));
}
