import {
  getCountries,
  getCountryCallingCode,
  parsePhoneNumberFromString,
  type CountryCode,
} from 'libphonenumber-js/max';

/**
 * The country of what numbers are grouped by (`+1415`, `+447`), as far as that tells it; null: it does not. Countries that share a
 * calling code are told apart in the North American plan only; elsewhere it is the one that the code is mostly used for.
 */
export function countryOfArea(area: string): CountryCode | null {
  const known = countries.get(area);
  if (known !== undefined) return known;
  const country = findCountry(area);
  // What a broken row may have instead of an area is not kept: there is no end to it.
  if (/^\+\d{3,4}$/.test(area)) countries.set(area, country);
  return country;
}

/** A report asks for hundreds of them, and numbers of the world change only with the library. */
const countries = new Map<string, CountryCode | null>();

function findCountry(area: string): CountryCode | null {
  if (/^\+1[2-9]\d\d$/.test(area)) return parsePhoneNumberFromString(`${area}2345678`)?.country ?? null;
  const code = [3, 2, 1]
    .map((length) => area.slice(1, 1 + length))
    .find((digits) => callingCodes.has(digits));
  return code === undefined
    ? null
    : (parsePhoneNumberFromString(`+${code}${'0'.repeat(9)}`)?.getPossibleCountries()[0] ?? null);
}

const callingCodes: ReadonlySet<string> = new Set(
  getCountries().map((country) => String(getCountryCallingCode(country))),
);
