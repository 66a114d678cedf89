import { readCommandLine } from './command-line';
import { exitWith } from './start-problem';
import { requireSupportedNode } from './supported-node';

async function start(): Promise<void> {
  requireSupportedNode();
  readCommandLine(process.argv.slice(2), {
    usage: 'npm start',
    about:
      'Builds if needed, starts the embedded PostgreSQL where DATABASE_URL is unset, migrates, serves, and sends the\n' +
      'texts, until Ctrl-C. Settings are in .env or the environment: see .env.example.',
  });
  // Loaded only now: an unsupported Node may fail on what these import.
  const [{ launch }, { loadSettings }] = await Promise.all([import('./launch'), import('./settings')]);
  launch('production', loadSettings('production'));
}

await start().catch(exitWith);
