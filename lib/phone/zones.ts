import { timezones } from 'libphonenumber-geo-carrier';
import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import type { Phone } from './parse';
import { canonicalZone } from '@/lib/time-zones';

/** The zones that a number of unknown place is taken to be in, all at once: the six that cover the United States. */
export const zonesOfUnknownPlace: readonly string[] = [
  'America/New_York',
  'America/Chicago',
  'America/Denver',
  'America/Los_Angeles',
  'America/Anchorage',
  'Pacific/Honolulu',
];

const tooManyToMeanAPlace = 10;
const rememberedPrefixes = 5_000;
const remembered = new Map<string, readonly string[]>();

/**
 * Lists the IANA zones that the holder of a number may be in, by the number's prefix; several where an area code is split.
 * Ten or more, or none, say nothing about the place (toll-free and fictional numbers do so), and give the six zones of
 * `zonesOfUnknownPlace`. Only for people whose own zone is unknown: what they chose, or their browser's zone, comes first.
 */
export async function candidateZones(phone: Phone): Promise<readonly string[]> {
  // The package reads its whole table at every question; its longest entry has nine digits.
  const prefix = phone.slice(0, 10);
  const known = remembered.get(prefix);
  if (known) return known;
  const listed = (await timezones(parsePhoneNumberFromString(phone))) ?? [];
  const zones = listed.map(canonicalZone).filter((zone) => zone !== null);
  const answer =
    zones.length === 0 || zones.length < listed.length || zones.length >= tooManyToMeanAPlace
      ? zonesOfUnknownPlace
      : zones;
  if (remembered.size >= rememberedPrefixes) remembered.clear();
  remembered.set(prefix, answer);
  return answer;
}
