import { readCommandLine } from './command-line';
import { exitWith } from './start-problem';
import { requireSupportedNode } from './supported-node';

async function startDevelopment(): Promise<void> {
  requireSupportedNode();
  readCommandLine(process.argv.slice(2), {
    usage: 'npm run dev',
    about: 'Serves with hot reload and demo data, and sends the texts, until Ctrl-C.',
  });
  // Loaded only now: an unsupported Node may fail on what these import.
  const [{ launch }, { loadSettings }] = await Promise.all([import('./launch'), import('./settings')]);
  launch('development', loadSettings('development'));
}

await startDevelopment().catch(exitWith);
