import { describe, expect, it } from 'vitest';
import { candidateZones, zonesOfUnknownPlace } from '@/lib/phone/zones';

describe('the zones a number may be in', () => {
  it.each([
    ['+12125550123', ['America/New_York']],
    ['+13125550123', ['America/Chicago']],
    ['+18085550123', ['Pacific/Honolulu']],
    ['+16025550123', ['America/Phoenix']],
    ['+14165550123', ['America/Toronto']],
    ['+4930123456', ['Europe/Berlin']],
  ])('%s: one, where the prefix has one', async (phone, zones) => {
    expect(await candidateZones(phone)).toEqual(zones);
  });

  it.each(['+19075550123', '+16055550123'])('%s: several, where an area code is split', async (phone) => {
    const zones = await candidateZones(phone);
    expect(zones.length).toBeGreaterThan(1);
    expect(zones.length).toBeLessThan(10);
  });

  it.each(['+15551234567', '+18005551234', '+99999999999', 'nonsense'])(
    '%s: the six of the United States, where it says nothing',
    async (phone) => {
      expect(await candidateZones(phone)).toBe(zonesOfUnknownPlace);
      expect(await candidateZones(phone)).toBe(zonesOfUnknownPlace);
    },
  );
});
