import { networkOf, wideNetworkOf } from '@/lib/client-address';
import { rememberServed, type Served } from '@/lib/last-served';

/** Who was served of those that ask for codes to choose a new password. */
export type RecoveryTurns = { wides: Served; networks: Served };

export function openRecoveryTurns(): RecoveryTurns {
  return { wides: rememberServed(), networks: rememberServed() };
}

type Asked = { id: string; address: string };

/**
 * Picks whose turn it is, `most` at most: wide networks in turn, of which anybody may have thousands of networks, within each its networks,
 * and of one network who asked first. So a crowd of one provider keeps nobody from elsewhere waiting, however much it asks for.
 *
 * @param asked in the order in which they were asked for
 */
export function pickInTurns(asked: readonly Asked[], most: number, turns: RecoveryTurns): string[] {
  const waiting = new Map<string, Map<string, Asked[]>>();
  for (const each of asked) {
    const network = networkOf(each.address);
    const wide = wideNetworkOf(network);
    const ofWide = waiting.get(wide) ?? new Map<string, Asked[]>();
    waiting.set(wide, ofWide.set(network, [...(ofWide.get(network) ?? []), each]));
  }
  const picked: string[] = [];
  while (picked.length < most && waiting.size > 0) {
    const wide = leastRecent(waiting.keys(), turns.wides);
    const ofWide = waiting.get(wide)!;
    const network = leastRecent(ofWide.keys(), turns.networks);
    const [first, ...others] = ofWide.get(network)!;
    picked.push(first!.id);
    turns.wides.note(wide);
    turns.networks.note(network);
    if (others.length > 0) ofWide.set(network, others);
    else ofWide.delete(network);
    if (ofWide.size === 0) waiting.delete(wide);
  }
  return picked;
}

/** Who was served the longest ago, or never; of several that never were, who asked first. */
function leastRecent(names: Iterable<string>, served: Served): string {
  return [...names].reduce((a, b) => (served.last(b) < served.last(a) ? b : a));
}
