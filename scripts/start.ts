import { exitWith } from './start-problem';
import { requireSupportedNode } from './supported-node';

async function start(): Promise<void> {
  requireSupportedNode();
  // Loaded only now: an unsupported Node may fail on what these import.
  const [{ launch }, { loadSettings }] = await Promise.all([import('./launch'), import('./settings')]);
  launch('production', loadSettings('production'));
}

await start().catch(exitWith);
