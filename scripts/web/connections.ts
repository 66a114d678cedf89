import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The connections of one network, each the longest in its state first. */
type Network = { idle: Set<Socket>; busy: Set<Socket> };

export type Connections = {
  /** A connection was made from this network. */
  open(socket: Socket, network: string): void;
  /** A request has come over one; it is busy until the answer is out. */
  use(request: IncomingMessage, response: ServerResponse): void;
};

/**
 * Keeps connections to so many, so that the process never runs out of file descriptors: then nobody is let in any more, and
 * the database is out of reach. One address can hold tens of thousands without a word.
 *
 * Where there are more, the network with the most loses one: the one that has been idle the longest, or its last where all
 * are busy. So whoever holds many keeps nobody out, and a proxy in front loses what it has not used for the longest.
 *
 * @param note is told of each that is closed
 */
export function makeConnections({
  most,
  note,
}: {
  most: number;
  note: (network: string) => void;
}): Connections {
  const networks = new Map<string, Network>();
  const known = new WeakMap<Socket, { name: string; requests: number }>();
  /** The names of those that have n connections, at n: so the one with the most is found without looking at all. */
  const bySize: Set<string>[] = [];
  let total = 0;

  const resize = (name: string, from: number, to: number): void => {
    bySize[from]?.delete(name);
    (bySize[to] ??= new Set()).add(name);
    while (bySize.length > 1 && bySize.at(-1)!.size === 0) bySize.pop();
  };

  const forget = (socket: Socket): void => {
    const name = known.get(socket)?.name;
    if (name === undefined) return;
    known.delete(socket);
    const network = networks.get(name)!;
    const size = sizeOf(network);
    network.idle.delete(socket);
    network.busy.delete(socket);
    total -= 1;
    if (size === 1) networks.delete(name);
    resize(name, size, size - 1);
    if (size === 1) bySize[0]?.delete(name);
  };

  const closeOne = (): void => {
    const [name] = bySize.at(-1)!;
    const { idle, busy } = networks.get(name!)!;
    const [longestIdle] = idle;
    const socket = longestIdle ?? [...busy].at(-1)!;
    note(name!);
    forget(socket);
    socket.destroy();
  };

  return {
    open: (socket, name) => {
      const network = networks.get(name) ?? { idle: new Set(), busy: new Set() };
      networks.set(name, network);
      const size = sizeOf(network);
      network.idle.add(socket);
      known.set(socket, { name, requests: 0 });
      total += 1;
      resize(name, size, size + 1);
      socket.once('close', () => forget(socket));
      if (total > most) closeOne();
    },
    use: ({ socket }, response) => {
      const own = known.get(socket);
      if (own === undefined) return;
      const { idle, busy } = networks.get(own.name)!;
      own.requests += 1;
      idle.delete(socket);
      busy.add(socket);
      response.once('close', () => {
        own.requests -= 1;
        if (own.requests > 0 || !busy.delete(socket)) return;
        idle.add(socket);
      });
    },
  };
}

function sizeOf({ idle, busy }: Network): number {
  return idle.size + busy.size;
}
