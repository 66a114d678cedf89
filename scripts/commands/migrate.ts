import { readCommandLine } from '../command-line';
import { runCommand } from './run-command';

/** Brings the database up to date and ends: the migration is done before any command runs (prepare-database.ts). */
await runCommand(
  (args) =>
    readCommandLine(args, {
      usage: 'npm run migrate',
      about: 'Brings the database up to date and ends. Harmless when it is already.',
    }),
  async () => console.log('The database is up to date.'),
);
