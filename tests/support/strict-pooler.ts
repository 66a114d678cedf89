import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What PgBouncer takes while a client connects; it refuses everything else by name. */
const known = new Set([
  'user',
  'database',
  'client_encoding',
  'datestyle',
  'timezone',
  'standard_conforming_strings',
  'application_name',
]);

export type StrictPooler = {
  url: string;
  /** The parameters that clients were refused for, or that were dropped without a word. */
  readonly unknown: readonly string[];
  close(): Promise<void>;
};

/**
 * A way to a server that treats startup parameters as PgBouncer does: it refuses those that it does not know, or drops
 * them without a word, as `ignore_startup_parameters` has it do.
 */
export async function startStrictPooler(
  url: string,
  { ignores = false }: { ignores?: boolean } = {},
): Promise<StrictPooler> {
  const { hostname, port } = new URL(url);
  const open = new Set<Socket>();
  const unknown: string[] = [];
  const server = createServer((client) => {
    keep(client, open);
    client.once('data', (packet) => {
      const parameters = readParameters(packet);
      const foreign = parameters.filter(([name]) => !known.has(name));
      unknown.push(...foreign.map(([name]) => name));
      if (foreign.length > 0 && !ignores) {
        client.end(writeRefusal(`unsupported startup parameter: ${foreign[0]![0]}`));
        return;
      }
      const upstream = connect({ port: Number(port), host: hostname });
      keep(upstream, open);
      upstream.write(writeStartup(parameters.filter(([name]) => known.has(name))));
      client.pipe(upstream);
      upstream.pipe(client);
      client.on('close', () => upstream.destroy());
      upstream.on('close', () => client.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const way = new URL(url);
  way.hostname = '127.0.0.1';
  way.port = String((server.address() as AddressInfo).port);
  return {
    url: way.href,
    unknown,
    close: () => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** StartupMessage: its length, the version of the protocol, then names and values that each end in a zero. */
function readParameters(packet: Buffer): [name: string, value: string][] {
  const words = packet.subarray(8, packet.readInt32BE(0)).toString('utf8').split('\0');
  const pairs: [string, string][] = [];
  for (let index = 0; words[index]; index += 2) pairs.push([words[index]!, words[index + 1] ?? '']);
  return pairs;
}

function writeStartup(parameters: readonly (readonly [string, string])[]): Buffer {
  const body = Buffer.from(`${parameters.map(([name, value]) => `${name}\0${value}\0`).join('')}\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  head.writeInt32BE(3 << 16, 4);
  return Buffer.concat([head, body]);
}

function writeRefusal(message: string): Buffer {
  const body = Buffer.from(`SFATAL\0VFATAL\0C08P01\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

function keep(socket: Socket, open: Set<Socket>): void {
  open.add(socket);
  socket.on('error', () => socket.destroy());
  socket.on('close', () => open.delete(socket));
}
