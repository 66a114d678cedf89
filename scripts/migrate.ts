import { runCommand } from './run-command';
import { StartProblem } from './start-problem';

/** Brings the database up to date and ends: the migration is done before any command runs (prepare-database.ts). */
await runCommand(
  (args) => {
    if (args.length > 0) throw new StartProblem('Usage: npm run migrate');
  },
  async () => console.log('The database is up to date.'),
);
