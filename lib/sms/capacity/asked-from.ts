import { networkOf, wideNetworkOf } from '@/lib/client-address';
import { spendMark } from './budget';

/** Keyed marks of where a code was asked for, never an address: of its network, and of the wider one around it, as providers are given them. */
export type AskedFrom = { network: string | null; wideNetwork: string | null };

/** Nobody asked from a network of theirs. */
export const nowhere: AskedFrom = { network: null, wideNetwork: null };

/**
 * Marks a network (`networkOf`), so that codes it asked for can be counted.
 *
 * @param secret the first of AUTH_SECRET
 */
export function markNetwork(secret: string, network: string): AskedFrom {
  return {
    network: spendMark(secret, 'network', network),
    wideNetwork: spendMark(secret, 'wide-network', wideNetworkOf(network)),
  };
}

/** The same of the network that an address is in. */
export function markAddress(secret: string, address: string): AskedFrom {
  return markNetwork(secret, networkOf(address));
}
