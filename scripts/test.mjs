// Every check, one after the other, each by the command of package.json that also runs it alone. Then what failed, once
// more, and a last line that counts. Plain JavaScript, because this installs the tools that everything else needs.
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
    // npm passes on the other two, and dies of this one alone.
    running?.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
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

await check('lint', 'Lint');
await check('types', 'Types');
await check('format', 'Format');
await check('knip', 'Unused code');

await suite('test:unit', 'Unit and integration tests', runVitest);
await suite('test:faults', 'Fault tests', runVitest);

if (await check('build', 'Build')) await suite('test:e2e', 'Browser tests', runPlaywright);
else {
  total.failed += 1;
  problems.push('test:e2e: there is no build to run it against');
}
finish();

/** @param {string} text */
function heading(text) {
  console.log(`\n── ${text} ──`);
}

/**
 * Runs a command of package.json that passes or fails as a whole, and returns whether it passed.
 * @param {string} name
 * @param {string} title
 */
async function check(name, title) {
  heading(`${title} (npm run ${name})`);
  const passed = (await command(name)) === 0;
  total[passed ? 'passed' : 'failed'] += 1;
  if (passed) console.log('passed');
  else problems.push(`${name}: failed`);
  return passed;
}

/**
 * @typedef {{ passed: number, failed: number, skipped: number, failures: string[] }} Result
 *
 * Runs a command of package.json that reports its own numbers. No numbers at all, or a bad end without a failed test, is
 * a failure too.
 * @param {string} name
 * @param {string} title
 * @param {(name: string, report: string) => Promise<{ code: number, result: Result | null }>} runSuite
 */
async function suite(name, title, runSuite) {
  heading(`${title} (npm run ${name})`);
  const { code, result } = await runSuite(name, join(reports, `${name.replace(':', '-')}.json`));
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

/**
 * @param {string} name
 * @param {string} report
 */
async function runVitest(name, report) {
  const code = await command(name, ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]);
  return { code, result: readVitestReport(report) };
}

/**
 * @param {string} name
 * @param {string} report
 */
async function runPlaywright(name, report) {
  const code = await command(name, ['--reporter=list,json'], { PLAYWRIGHT_JSON_OUTPUT_FILE: report });
  return { code, result: readBrowserReport(report) };
}

/**
 * @param {string} file
 * @returns {Result | null}
 */
function readVitestReport(file) {
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
    failures: report.testResults.flatMap(vitestFailures),
  };
}

/**
 * What failed in one file, each with the start of its message: the report is far above the last lines of a long log.
 * @param {{ name: string, status: string, message: string, assertionResults: { status: string, fullName: string, failureMessages: string[] }[] }} file
 */
function vitestFailures(file) {
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

/**
 * @param {string} file
 * @returns {Result | null}
 */
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
 * A command of package.json, which sets its NODE_ENV itself where that matters.
 * @param {string} name
 * @param {string[]} [args]
 * @param {Record<string, string>} [variables]
 */
function command(name, args = [], variables = {}) {
  return run('npm', ['run', '--silent', name, '--', ...args], variables);
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
  if (problems.length > 0) console.log(`\n${problems.join('\n\n')}`);
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exit(problems.length > 0 || total.failed > 0 ? 1 : 0);
}
