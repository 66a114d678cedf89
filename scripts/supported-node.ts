import { StartProblem } from './start-problem';

/** Refuses with one line a Node older than `engines` in package.json allows. */
export function requireSupportedNode(version = process.versions.node): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new StartProblem(`Node ${version} is too old: Doorstep needs Node 20.19 or newer.`);
}
