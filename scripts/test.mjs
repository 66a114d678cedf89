// All checks, one after the other, whatever NODE_ENV says; the last line counts them. Plain JavaScript, because this is
// what installs the tools for everything else.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const reports = mkdtempSync(join(tmpdir(), 'doorstep-reports-'));
const total = { passed: 0, failed: 0, skipped: 0 };
/** @type {string[]} */
const problems = [];
/** @type {import('node:child_process').ChildProcess | undefined} */
let running;

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => {
    running?.kill(signal);
    rmSync(reports, { recursive: true, force: true });
    process.exitCode = 1;
    if (!running) process.exit(1);
    running.once('exit', () => process.exit(1));
  });
}

const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
if (!Object.keys(devDependencies).every((name) => existsSync(join(root, 'node_modules', name)))) {
  heading('Installing what the tests need');
  if ((await run('npm', ['ci', '--include=dev'])) !== 0) {
    problems.push('what the tests need could not be installed');
    finish();
  }
}

const next = 'node_modules/next/dist/bin/next';
const tsx = ['--import', 'tsx'];
heading('Lint');
count('lint', await node(['node_modules/eslint/bin/eslint.js', '--max-warnings', '0', '.']));
heading('Types');
// Routes are typed by generated files, which a fresh clone does not have yet.
const generated = await node([next, 'typegen'], { NODE_ENV: 'production' });
count('types', generated || (await node(['node_modules/typescript/bin/tsc', '--noEmit'])));
heading('Format');
count(
  'format',
  await node(['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.']),
);

heading('Unit and integration tests');
const unitReport = join(reports, 'vitest.json');
const unitCode = await node(
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${unitReport}`,
  ],
  { NODE_ENV: 'test' },
);
countSuite('unit and integration tests', unitCode, readUnitReport(unitReport));

heading('Build');
const buildCode = await node([...tsx, 'scripts/build.ts'], { NODE_ENV: 'production' });
count('build', buildCode);

heading('Browser tests');
if (buildCode === 0) {
  const browserReport = join(reports, 'playwright.json');
  const browserCode = await node(['node_modules/playwright/cli.js', 'test', '--reporter=list,json'], {
    NODE_ENV: 'test',
    PLAYWRIGHT_JSON_OUTPUT_FILE: browserReport,
  });
  countSuite('browser tests', browserCode, readBrowserReport(browserReport));
} else {
  total.failed += 1;
  problems.push('browser tests: there is no build to run them against');
}
finish();

/** @param {string} text */
function heading(text) {
  console.log(`\n── ${text} ──`);
}

/**
 * A check that is one pass or one failure as a whole.
 * @param {string} name
 * @param {number} code
 */
function count(name, code) {
  total[code === 0 ? 'passed' : 'failed'] += 1;
  if (code === 0) console.log('passed');
  else problems.push(`${name}: failed`);
}

/**
 * A suite that reports its own numbers; none at all, or a bad end with no failed test, is a failure too.
 * @param {string} name
 * @param {number} code
 * @param {{ passed: number, failed: number, skipped: number, failures: string[] } | null} result
 */
function countSuite(name, code, result) {
  const { passed, failed, skipped, failures } = result ?? { passed: 0, failed: 0, skipped: 0, failures: [] };
  total.passed += passed;
  total.skipped += skipped;
  total.failed += failed;
  if (failed > 0) problems.push([`${name}: ${failed} failed`, ...failures].join('\n\n'));
  else if (passed === 0) {
    total.failed += 1;
    problems.push(`${name}: no test ran`);
  } else if (code !== 0) {
    total.failed += 1;
    problems.push(`${name}: ended with code ${code}`);
  }
}

/** @param {string} file */
function readUnitReport(file) {
  const report = readReport(file);
  if (!report) return null;
  // A file that cannot even be loaded has no tests of its own to fail.
  const broken = report.testResults.filter(
    (/** @type {{ status: string, assertionResults: unknown[] }} */ result) =>
      result.status === 'failed' && result.assertionResults.length === 0,
  ).length;
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken,
    skipped: report.numPendingTests + report.numTodoTests,
    failures: report.testResults.flatMap(unitFailures),
  };
}

/**
 * What failed in one file, each with the start of its message: the report is far above the last lines of a long log.
 * @param {{ name: string, status: string, message: string, assertionResults: { status: string, fullName: string, failureMessages: string[] }[] }} file
 */
function unitFailures(file) {
  const name = relative(root, file.name);
  const failed = file.assertionResults.filter(({ status }) => status === 'failed');
  if (file.status === 'failed' && failed.length === 0) return [`${name}\n${start(file.message)}`];
  return failed.map(
    ({ fullName, failureMessages }) => `${name} › ${fullName}\n${start(failureMessages.join('\n'))}`,
  );
}

/** @param {string} message */
function start(message) {
  return stripVTControlCharacters(message).split('\n').slice(0, 12).join('\n').slice(0, 2_000);
}

/** @param {string} file */
function readBrowserReport(file) {
  const report = readReport(file);
  if (!report) return null;
  // A test that passes only when repeated is not a test that passes.
  const { expected, unexpected, flaky, skipped } = report.stats;
  return {
    passed: expected,
    failed: unexpected + flaky,
    skipped,
    failures: [
      ...report.errors.map((/** @type {{ message?: string }} */ error) => start(error.message ?? 'an error')),
      ...report.suites.flatMap(browserFailures),
    ],
  };
}

/**
 * @param {{ suites?: any[], specs?: { title: string, file: string, ok: boolean, tests: any[] }[] }} suite
 * @returns {string[]}
 */
function browserFailures(suite) {
  const own = (suite.specs ?? []).flatMap((spec) =>
    spec.tests
      .filter(({ status }) => status === 'unexpected' || status === 'flaky')
      .map(({ projectName, results }) => {
        const errors = results.flatMap(
          (/** @type {{ errors: { message?: string }[] }} */ result) => result.errors,
        );
        const message = errors
          .map((/** @type {{ message?: string }} */ error) => error.message ?? '')
          .join('\n');
        return `[${projectName}] ${spec.file} › ${spec.title}\n${start(message)}`;
      }),
  );
  return [...own, ...(suite.suites ?? []).flatMap(browserFailures)];
}

/** @param {string} file */
function readReport(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

/**
 * @param {string[]} args
 * @param {Record<string, string>} [variables]
 */
function node(args, variables = {}) {
  return run(process.execPath, args, variables);
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {Record<string, string>} [variables]
 * @returns {Promise<number>}
 */
function run(program, args, variables = {}) {
  return new Promise((resolve, reject) => {
    running = spawn(program, args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1', ...variables },
    });
    running.once('error', reject);
    running.once('exit', (code) => {
      running = undefined;
      resolve(code ?? 1);
    });
  });
}

/** @returns {never} */
function finish() {
  rmSync(reports, { recursive: true, force: true });
  if (problems.length > 0) console.log(`\n${problems.join('\n')}`);
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exit(problems.length > 0 || total.failed > 0 ? 1 : 0);
}
