import { startStallingProxy } from './stalling-proxy';

/**
 * A way to a server that takes so many milliseconds in each direction, or as many as that says of each
 * packet. Out: its address by this way.
 */
export async function startSlowWay(
  url: string,
  eachWayMs: number | (() => number),
): Promise<{ url: string; close(): Promise<void> }> {
  return startStallingProxy(url, { eachWayMs });
}
