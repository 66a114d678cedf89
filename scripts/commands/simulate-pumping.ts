import { readCommandLine } from '../command-line';
import { printSimulation } from '../pumping/simulate';
import { exitWith, StartProblem, UsageAsked } from '../start-problem';

const usage = 'npm run simulate-pumping -- [--seed 1]';

function readSeed(args: readonly string[]): number {
  const { seed = '1' } = readCommandLine(args, {
    usage,
    about:
      'Plays a month of people and of robots against the rule of the pumping guard, in virtual time and without\n' +
      'a database, and prints what became of each: the table of docs/pumping.md is that of seed 1.',
    options: ['seed'],
  });
  if (/^\d{1,9}$/.test(seed)) return Number(seed);
  throw new StartProblem(`--seed: '${seed}' is no whole number up to 999,999,999. Usage: ${usage}`);
}

try {
  console.log(printSimulation(readSeed(process.argv.slice(2))));
} catch (error) {
  if (!(error instanceof StartProblem) && !(error instanceof UsageAsked)) throw error;
  exitWith(error);
}
