import { networkOf, wideNetworkOf } from '@/lib/client-address';
import { rememberServed, type Served } from '@/lib/last-served';

/** Who was served of those that ask for codes to choose a new password. */
export type RecoveryTurns = { wides: Served; networks: Served };

export function openRecoveryTurns(): RecoveryTurns {
  return { wides: rememberServed(), networks: rememberServed() };
}

type Asked = { id: string; address: string };

/** What waits of one network, or of one wide network, and how many more of it there is room for, once that was asked. */
type OfNetwork = { asked: Asked[]; room?: number };
type OfWide = { networks: Map<string, OfNetwork>; room?: number };

/**
 * Picks whose turn it is, `places` at most: wide networks in turn, of which anybody may have thousands of networks, within each its
 * networks, and of one network who asked first. So a crowd of one provider keeps nobody from elsewhere waiting, however much it asks for.
 *
 * @param asked in the order in which they were asked for
 * @param roomOf for how many more of a network there is room, and of the wide network around it
 */
export function pickInTurns(
  asked: readonly Asked[],
  { places, roomOf }: { places: number; roomOf: (network: string) => { network: number; wide: number } },
  turns: RecoveryTurns,
): string[] {
  const waiting = groupAsked(asked);
  const picked: string[] = [];
  while (picked.length < places && waiting.size > 0) {
    const wide = leastRecent(waiting.keys(), turns.wides);
    const ofWide = waiting.get(wide)!;
    const network = leastRecent(ofWide.networks.keys(), turns.networks);
    const ofNetwork = ofWide.networks.get(network)!;
    if (ofNetwork.room === undefined) {
      const room = roomOf(network);
      ofNetwork.room = room.network;
      ofWide.room ??= room.wide;
    }
    if (ofNetwork.room > 0 && ofWide.room! > 0) {
      picked.push(ofNetwork.asked.shift()!.id);
      turns.wides.note(wide);
      turns.networks.note(network);
      ofNetwork.room -= 1;
      ofWide.room! -= 1;
    }
    if (ofNetwork.room <= 0 || ofNetwork.asked.length === 0) ofWide.networks.delete(network);
    if (ofWide.room! <= 0 || ofWide.networks.size === 0) waiting.delete(wide);
  }
  return picked;
}

function groupAsked(asked: readonly Asked[]): Map<string, OfWide> {
  const waiting = new Map<string, OfWide>();
  for (const each of asked) {
    const network = networkOf(each.address);
    const wide = wideNetworkOf(network);
    const ofWide: OfWide = waiting.get(wide) ?? { networks: new Map() };
    const ofNetwork: OfNetwork = ofWide.networks.get(network) ?? { asked: [] };
    ofNetwork.asked.push(each);
    waiting.set(wide, ofWide);
    ofWide.networks.set(network, ofNetwork);
  }
  return waiting;
}

/** Who was served the longest ago, or never; of several that never were, who asked first. */
function leastRecent(names: Iterable<string>, served: Served): string {
  return [...names].reduce((a, b) => (served.last(b) < served.last(a) ? b : a));
}
