/** The memory that one body takes. */
export type BodyRoom = {
  /** Whether there is room for so much more. */
  grow(bytes: number): boolean;
  /** Settles when it had to make room for another network's. */
  lost: Promise<void>;
  /** It is kept no longer; a second time does nothing. */
  close(): void;
};

type Held = { bytes: number; isOpen: boolean; lose: () => void };

/**
 * Memory for bodies that come in or wait, so much overall and for each network. Where it is full, the network with the most
 * loses its last body, so that nobody who sends little is kept out by those who send much.
 *
 * Out: a function that opens the room of one body, still empty.
 */
export function makeBodyRooms({
  bytes: most,
  bytesPerNetwork,
}: {
  bytes: number;
  bytesPerNetwork: number;
}): (network: string) => BodyRoom {
  const networks = new Map<string, { bytes: number; held: Set<Held> }>();
  let total = 0;

  const close = (network: string, held: Held): void => {
    if (!held.isOpen) return;
    held.isOpen = false;
    const own = networks.get(network)!;
    own.held.delete(held);
    own.bytes -= held.bytes;
    total -= held.bytes;
    if (own.held.size === 0) networks.delete(network);
  };

  return (network) => {
    const own = networks.get(network) ?? { bytes: 0, held: new Set<Held>() };
    networks.set(network, own);
    let lose = (): void => undefined;
    const lost = new Promise<void>((resolve) => (lose = resolve));
    const held: Held = { bytes: 0, isOpen: true, lose };
    own.held.add(held);
    return {
      lost,
      grow: (bytes) => {
        if (!held.isOpen || own.bytes + bytes > bytesPerNetwork) return false;
        held.bytes += bytes;
        own.bytes += bytes;
        total += bytes;
        while (total > most) {
          const [name, largest] = [...networks].reduce((a, b) => (b[1].bytes > a[1].bytes ? b : a));
          const last = [...largest.held].filter((each) => each.bytes > 0).at(-1)!;
          close(name, last);
          last.lose();
        }
        return held.isOpen;
      },
      close: () => close(network, held),
    };
  };
}
