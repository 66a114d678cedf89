import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addressBlock,
  addressBlocks,
  clientAddress,
  isPublicAddress,
  networkOf,
  wideNetworkOf,
} from '@/lib/client-address';

test.each([
  ['203.0.113.9', 0, '203.0.113.9'],
  ['6.6.6.6, 203.0.113.9', 0, '203.0.113.9'],
  ['6.6.6.6, 203.0.113.9, 10.0.0.1', 1, '203.0.113.9'],
  ['6.6.6.6, 203.0.113.9, 10.0.0.2, 10.0.0.1', 2, '203.0.113.9'],
  ['203.0.113.9', 3, '203.0.113.9'],
  ['::ffff:203.0.113.9', 0, '203.0.113.9'],
  ['::FFFF:cb00:7109', 0, '203.0.113.9'],
  // As translators write an IPv4 address: RFC 6052, RFC 7915.
  ['64:ff9b::203.0.113.9', 0, '203.0.113.9'],
  ['[64:FF9B::cb00:7109]:443', 0, '203.0.113.9'],
  ['::ffff:0:203.0.113.9, 10.0.0.1', 1, '203.0.113.9'],
  ['64:ff9b::1:203.0.113.9', 0, '64:ff9b::1:cb00:7109'],
  ['64:ff9b:1::cb00:7109', 0, '64:ff9b:1::cb00:7109'],
  ['2001:DB8:0:0::1', 0, '2001:db8::1'],
  ['[2001:db8::1]:443, 10.0.0.1', 1, '2001:db8::1'],
  ['203.0.113.9:5555, 10.0.0.1', 1, '203.0.113.9'],
  ['fe80::1%eth0', 0, 'fe80::1'],
  ['fe80::1%eth0%1', 0, 'fe80::1'],
  ['unknown, 10.0.0.1', 1, '10.0.0.1'],
  ['203.0.113.999', 0, 'unknown'],
  // Some read a leading zero as octal, and some leave parts out: whoever means an address writes four plain numbers.
  ['010.0.0.1', 0, 'unknown'],
  ['0x7f.0.0.1', 0, 'unknown'],
  ['127.1', 0, 'unknown'],
  ['2001:db8::1::1', 0, 'unknown'],
  ['2001:db8::/32', 0, 'unknown'],
  ['', 0, 'unknown'],
])('the client of "%s" behind %d trusted proxies is %s', (header, hops, expected) => {
  expect(clientAddress(header, hops)).toBe(expected);
});

test('whatever a client writes itself changes nothing, at any number of trusted proxies', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(fc.string(), fc.ipV4(), fc.array(address, { maxLength: 4 }), (forged, client, proxies) => {
      expect(clientAddress([forged, client, ...proxies].join(', '), proxies.length)).toBe(client);
    }),
  );
});

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['::1', '::/64'],
  ['unknown', 'unknown'],
])('limits count %s as %s', (address, expected) => {
  expect(addressBlock(address)).toBe(expected);
});

test.each([
  ['8.8.8.8', true],
  ['2606:4700::1111', true],
  ['127.0.0.1', false],
  ['::1', false],
  ['10.1.2.3', false],
  ['192.168.0.7', false],
  ['fd00::1', false],
  ['64:ff9b::8.8.8.8', true],
  ['64:ff9b::10.1.2.3', false],
  ['unknown', false],
  ['', false],
])('whether %s tells where someone was: %s', (address, tells) => {
  expect(isPublicAddress(address)).toBe(tells);
});

test.each([
  ['203.0.113.9', ['203.0.113.9']],
  ['::ffff:203.0.113.9', ['203.0.113.9']],
  ['64:ff9b::203.0.113.9', ['203.0.113.9']],
  ['::ffff:0:cb00:7109', ['203.0.113.9']],
  ['2001:db8:1:2345:3:4:5:6', ['2001:db8:1:2345::/64', '2001:db8:1:2300::/56', '2001:db8:1::/48']],
  ['2001:db8::1', ['2001:db8::/64', '2001:db8::/56', '2001:db8::/48']],
  ['no address', ['unknown']],
])('%s lies in the blocks %j, of which the widest is its network', (address, expected) => {
  expect(addressBlocks(address)).toEqual(expected);
  expect(networkOf(address)).toBe(expected.at(-1));
});

test('two IPv6 addresses share a network exactly when their first 48 bits agree, and a /56 when 56 do', () => {
  const group = fc.integer({ min: 1, max: 0xffff });
  fc.assert(
    fc.property(group, group, group, group, group, (a, b, c, other, host) => {
      const at = (third: number, fourth: number) =>
        `2001:${a.toString(16)}:${third.toString(16)}:${fourth.toString(16)}::${host.toString(16)}`;
      expect(networkOf(at(b, c)) === networkOf(at(other, c))).toBe(b === other);
      expect(networkOf(at(b, c))).toBe(networkOf(at(b, other)));
      expect(addressBlocks(at(b, c))[1] === addressBlocks(at(b, other))[1]).toBe(c >> 8 === other >> 8);
    }),
  );
});

test('two IPv6 addresses share a block exactly when their first 64 bits agree', () => {
  const group = fc.nat(0xffff).map((value) => value.toString(16));
  const half = fc
    .array(fc.oneof(group, fc.constant('0')), { minLength: 4, maxLength: 4 })
    .map((groups) => groups.join(':'));
  fc.assert(
    fc.property(half, half, half, half, (network, otherNetwork, host, otherHost) => {
      // 0:0:0:0:0:ffff:… is IPv4 in disguise.
      fc.pre(![network, otherNetwork].includes('0:0:0:0'));
      expect(addressBlock(`${network}:${host}`)).toBe(addressBlock(`${network}:${otherHost}`));
      expect(addressBlock(`${network}:${host}`) === addressBlock(`${otherNetwork}:${host}`)).toBe(
        network === otherNetwork,
      );
    }),
  );
});

test.each([
  ['203.0.113.9', '203.0.0.0/16'],
  ['2001:db8:7::/48', '2001:db8::/29'],
  ['2001:db8:ffff::/48', '2001:db8::/29'],
  ['2001:dbf:1::/48', '2001:db8::/29'],
  ['2001:dc0:1::/48', '2001:dc0::/29'],
  ['unknown', 'unknown'],
])('the wider network around %s is %s', (network, wide) => {
  expect(wideNetworkOf(network)).toBe(wide);
});
