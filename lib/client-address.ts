/**
 * The address a request came from, out of X-Forwarded-For as the listener leaves it: its last entry is the socket's own
 * address, and each trusted proxy in front has added one entry to the left of that. So the client stands at entry
 * `trustedProxyHops` + 1 from the right; what a client wrote itself stands further left and changes nothing.
 * IPv4-mapped IPv6 becomes plain IPv4, IPv6 its canonical form. A proxy's entry that is no address (`unknown`) gives way
 * to the next one on the right, and `unknown` is answered when there is none at all.
 */
export function clientAddress(forwardedFor: string, trustedProxyHops: number): string {
  const entries = forwardedFor.split(',');
  for (let index = Math.max(0, entries.length - 1 - trustedProxyHops); index < entries.length; index += 1) {
    const address = normalizeAddress(entries[index] ?? '');
    if (address) return address;
  }
  return 'unknown';
}

/** What limits count by: an IPv4 address as it is, an IPv6 address as its /64, since one line is given that many. */
export function addressBlock(address: string): string {
  return addressBlocks(address)[0]!;
}

/** Where an address comes from: an IPv4 address as it is, an IPv6 address as its /48, which one customer can be given. */
export function networkOf(address: string): string {
  return addressBlocks(address).at(-1)!;
}

/**
 * The blocks an address lies in, narrowest first: the /64, /56 and /48 of IPv6, which providers give to one line or one
 * customer (RFC 6177); an IPv4 address as it is, alone; `unknown` for what is no address.
 */
export function addressBlocks(address: string): string[] {
  const normal = normalizeAddress(address);
  if (!normal) return ['unknown'];
  if (!normal.includes(':')) return [normal];
  const [left = '', right] = normal.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right ? right.split(':') : [];
  const groups =
    right === undefined
      ? head
      : [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  const [a, b, c, d] = groups.map((group) => parseInt(group, 16)) as [number, number, number, number];
  return [writeBlock([a, b, c, d], 64), writeBlock([a, b, c, d & 0xff00], 56), writeBlock([a, b, c], 48)];
}

function writeBlock(groups: readonly number[], bits: number): string {
  return `${parseIpv6(`${groups.map((group) => group.toString(16)).join(':')}::`)}/${bits}`;
}

function normalizeAddress(entry: string): string | null {
  const text = entry.trim().replace(/^"(.*)"$/, '$1');
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1];
  const bare = (bracketed ?? text).replace(/%[\w.-]*$/, '');
  const ipv4 = parseIpv4(bracketed === undefined ? bare.replace(/^([\d.]+):\d+$/, '$1') : bare);
  if (ipv4) return ipv4;
  const ipv6 = parseIpv6(bare);
  const mapped = ipv6 && /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(ipv6);
  if (!mapped) return ipv6;
  const [high, low] = [parseInt(mapped[1] ?? '', 16), parseInt(mapped[2] ?? '', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

function parseIpv4(text: string): string | null {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  return parts?.every((part) => part <= 255) ? parts.join('.') : null;
}

function parseIpv6(text: string): string | null {
  if (!/^[0-9a-fA-F:.]+$/.test(text) || !text.includes(':') || !URL.canParse(`http://[${text}]/`))
    return null;
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}
