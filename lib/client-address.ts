import addresses from 'ipaddr.js';

/**
 * The address a request came from, out of X-Forwarded-For as the listener leaves it: its last entry is the socket's own
 * address, and each trusted proxy in front has added one entry to the left of that. So the client is entry
 * `trustedProxyHops` + 1 from the right; what a client wrote itself is further left and changes nothing.
 * IPv6 that stands for an IPv4 address becomes that one, other IPv6 its canonical form. A proxy's entry that is no address (`unknown`) gives way
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
 * The wider network around one (`networkOf`), as providers are given them: the /29 of an IPv6 network (RIPE-738, 5.1), the /16 of an IPv4 address. Many
 * customers share one, so no limit on what one of them does counts by it; it only has its share of what there is for all.
 */
export function wideNetworkOf(network: string): string {
  const address = network.replace(/\/.*$/, '');
  if (addresses.IPv4.isValidFourPartDecimal(address)) return address.replace(/\.\d+\.\d+$/, '.0.0/16');
  return addresses.IPv6.isValid(address)
    ? `${addresses.IPv6.networkAddressFromCIDR(`${address}/29`).toRFC5952String()}/29`
    : network;
}

/** Whether an address tells where someone was: one of the public internet does; one of this machine or a private network does not. */
export function isPublicAddress(address: string): boolean {
  const normal = normalizeAddress(address);
  return normal !== null && addresses.parse(normal).range() === 'unicast';
}

/** Providers give a /64 to one line, and a /56 or a /48 to one customer (RFC 6177). */
const blockBits = [64, 56, 48];

/**
 * The blocks an address lies in, narrowest first: the /64, /56 and /48 of IPv6; an IPv4 address as it is, alone; `unknown`
 * for what is no address.
 */
export function addressBlocks(address: string): string[] {
  const normal = normalizeAddress(address);
  if (!normal) return ['unknown'];
  if (!normal.includes(':')) return [normal];
  return blockBits.map(
    (bits) => `${addresses.IPv6.networkAddressFromCIDR(`${normal}/${bits}`).toRFC5952String()}/${bits}`,
  );
}

/** An entry as proxies write them: also in quotes, in brackets, with a port, with a zone. Null: it is no address. */
function normalizeAddress(entry: string): string | null {
  const text = entry.trim().replace(/^"(.*)"$/, '$1');
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1];
  const bare = (bracketed ?? text.replace(/^([\d.]+):\d+$/, '$1')).replace(/%.*$/, '');
  if (addresses.IPv4.isValidFourPartDecimal(bare)) return bare;
  if (!addresses.IPv6.isValid(bare)) return null;
  const ipv6 = addresses.IPv6.parse(bare);
  if (!forIpv4.some((block) => ipv6.match(block))) return ipv6.toRFC5952String();
  return addresses.fromByteArray(ipv6.toByteArray().slice(-4)).toString();
}

/**
 * What stands for the IPv4 address in its last 32 bits: as a socket of both kinds says it, and as translators write it (RFC 7915,
 * RFC 6052). Taken as IPv6, all who come through a translator would be one network.
 */
const forIpv4 = ['::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/96'].map((block) =>
  addresses.IPv6.parseCIDR(block),
);
