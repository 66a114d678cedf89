import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressBlock, clientAddress } from '@/lib/client-address';

test.each([
  ['203.0.113.9', 0, '203.0.113.9'],
  ['6.6.6.6, 203.0.113.9', 0, '203.0.113.9'],
  ['6.6.6.6, 203.0.113.9, 10.0.0.1', 1, '203.0.113.9'],
  ['6.6.6.6, 203.0.113.9, 10.0.0.2, 10.0.0.1', 2, '203.0.113.9'],
  ['203.0.113.9', 3, '203.0.113.9'],
  ['::ffff:203.0.113.9', 0, '203.0.113.9'],
  ['::FFFF:cb00:7109', 0, '203.0.113.9'],
  ['2001:DB8:0:0::1', 0, '2001:db8::1'],
  ['[2001:db8::1]:443, 10.0.0.1', 1, '2001:db8::1'],
  ['203.0.113.9:5555, 10.0.0.1', 1, '203.0.113.9'],
  ['fe80::1%eth0', 0, 'fe80::1'],
  ['unknown, 10.0.0.1', 1, '10.0.0.1'],
  ['203.0.113.999', 0, 'unknown'],
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
