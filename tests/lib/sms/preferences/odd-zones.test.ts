import fc from 'fast-check';
import { sql } from 'drizzle-orm';
import { Temporal } from 'temporal-polyfill';
import { describe, expect, test } from 'vitest';
import { sayMinuteOfDay, sayMoment, sayTimeOfDay } from '@/app/_format/say-moment';
import { sayWhen } from '@/app/_format/say-when';
import { findHeldUntil, sayPreview } from '@/app/users/sms-preferences/preview-words';
import { readQuietHours } from '@/app/users/sms-preferences/quiet-hours-input';
import { readRegistration } from '@/lib/auth/registration/register-input';
import { readPersonSms } from '@/lib/reporting/person-sms';
import { createPreferences, requirePreferences } from '@/lib/sms/preferences/preferences';
import { pickQuietHours } from '@/lib/sms/preferences/save-quiet-hours';
import { defaultQuietWindow, nextAllowedInstant } from '@/lib/sms/preferences/quiet-hours';
import { canonicalZone, listTimeZones, readTimeZone } from '@/lib/time-zones';
import { useDatabase } from '../../../support/database';
import { readExport } from '../../../support/read-export';
import { contextAt, givePerson, newPhone, noon } from '../../../support/people';

const database = useDatabase();

/** What Intl takes and IANA does not have: ICU's own short names. */
const shortNames = ['PST', 'CST', 'IST', 'JST', 'BST', 'AST', 'ECT', 'NST', 'VST', 'PNT', 'ACT', 'CAT'];
const oldNames = ['EST', 'MST', 'HST', 'EST5EDT', 'PST8PDT', 'MET', 'CET', 'Cuba', 'PRC', 'GB', 'US/Pacific'];
const noNames = ['+05:00', '-03', 'UTC+5', 'Z', 'Factory', 'SystemV/PST', 'Etc/Unknown', 'constructor'];
const noStrings = [
  '',
  ' ',
  '__proto__',
  'America/New_York[u-ca=hebrew]',
  'é/ü',
  '\u202eAmerica',
  'A'.repeat(65),
];

const anyName = fc.oneof(
  fc.constantFrom(...shortNames, ...oldNames, ...noNames, ...noStrings),
  fc.constantFrom(...Intl.supportedValuesOf('timeZone')),
  fc
    .constantFrom(...Intl.supportedValuesOf('timeZone'))
    .map((name) => [...name].map((c, i) => (i % 2 ? c.toUpperCase() : c.toLowerCase())).join('')),
  fc.string({ maxLength: 70 }),
);
const anyTime = fc.oneof(
  fc.constantFrom(
    '',
    'noon',
    '25:99',
    '24:00',
    '9:00',
    '09:00',
    '20:00',
    '20:00:00',
    '٠٩:٠٠',
    '-1:00',
    '09:00\n',
  ),
  fc.string({ maxLength: 8 }),
);
const anyInstant = fc
  .integer({ min: Date.parse('2020-01-01'), max: Date.parse('2040-01-01') })
  .map((ms) => new Date(ms));

describe('the canonical name of a zone', () => {
  test.each<[string | null | undefined, string | null]>([
    ['America/New_York', 'America/New_York'],
    ['america/NEW_york', 'America/New_York'],
    ['US/Pacific', 'America/Los_Angeles'],
    ['EST5EDT', 'America/New_York'],
    ['UTC', 'UTC'],
    ['utc', 'UTC'],
    ['Etc/GMT+5', 'Etc/GMT+5'],
    [null, null],
    [undefined, null],
    ...[...shortNames, ...noNames, ...noStrings].map((name): [string, null] => [name, null]),
  ])('of %j is %j', (name, zone) => {
    expect(canonicalZone(name)).toBe(zone);
  });

  test('is the same for every spelling of one zone', () => {
    expect(canonicalZone('Asia/Kolkata')).toBe(canonicalZone('asia/calcutta'));
    expect(canonicalZone('Europe/Kyiv')).toBe(canonicalZone('Europe/Kiev'));
  });

  test('of every listed zone is its own', () => {
    for (const name of listTimeZones(noon).flatMap(({ names }) => names)) {
      const zone = readTimeZone(name);
      expect(canonicalZone(zone)).toBe(zone);
    }
  });

  test('can be reckoned with and written in, whatever the name was', () => {
    fc.assert(
      fc.property(anyName, anyInstant, (name, at) => {
        const zone = canonicalZone(name);
        if (zone === null) return;
        expect(canonicalZone(zone)).toBe(zone);
        const local = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(zone);
        local.getTimeZoneTransition('next');
        local.toPlainDateTime().toZonedDateTime(zone, { disambiguation: 'later' });
        nextAllowedInstant({ now: at, window: defaultQuietWindow, zones: [zone] });
        sayMoment(at, { timeZone: zone, now: noon });
      }),
      { numRuns: 500 },
    );
  });
});

test('what a browser calls its zone is stored by its canonical name, or not at all', async () => {
  for (const [field, stored] of [
    ['PST', null],
    ['EST5EDT', 'America/New_York'],
    ['asia/tokyo', 'Asia/Tokyo'],
    ['\0', null],
    ['x'.repeat(500_000), null],
    [new File(['x'], 'zone'), null],
  ] as const) {
    const form = readRegistration([
      ['email', 'name@example.com'],
      ['name', 'Name'],
      ['password', 'correct horse battery'],
      ['timeZone', field],
    ]);
    if (!form.ok) throw new Error('The form is refused');
    const { userId } = await givePerson(database.db, { active: true });
    await database.db.execute(sql`delete from sms_preferences where user_id = ${userId}`);
    await createPreferences(database.db, {
      userId,
      enabled: false,
      timeZone: form.input.timeZone,
      now: noon,
    });
    const { rows } = await database.db.execute<{ time_zone: string | null }>(
      sql`select time_zone from sms_preferences where user_id = ${userId}`,
    );
    expect(rows[0]!.time_zone).toBe(stored);
  }
});

test.each(['AEST', 'ist', 'Nowhere/Else', '', '+05:00'])('a form that asks for %j saves no zone', (zone) => {
  const values: Record<string, string> = {
    timeZone: zone,
    quietHoursStart: '20:00',
    quietHoursEnd: '09:00',
  };
  const read = readQuietHours((name) => values[name] ?? '');
  expect(read.ok ? read.fields.timeZone : null).toBeNull();
});

test('whatever quiet hours and zone a row holds, all that reads them bears it', async () => {
  const phone = newPhone();
  const { userId, email } = await givePerson(database.db, { active: true, phone });
  await fc.assert(
    fc.asyncProperty(anyName, anyTime, anyTime, anyInstant, async (zone, start, end, now) => {
      const plain = (text: string) => text.replaceAll('\0', '');
      await database.db.execute(sql`
        update sms_preferences set time_zone = ${plain(zone)}, quiet_hours_start = ${plain(start)},
          quiet_hours_end = ${plain(end)} where user_id = ${userId}`);
      const preferences = await requirePreferences(database.db, userId);
      const hours = pickQuietHours(preferences);
      const { timeZone, quietHoursStart, quietHoursEnd } = hours;
      const zones = [timeZone ?? 'America/New_York'];
      const window = { start: quietHoursStart, end: quietHoursEnd };
      const { at } = nextAllowedInstant({ now, window, zones });
      expect(at.getTime()).toBeGreaterThanOrEqual(now.getTime());
      expect(await sayPreview(hours, phone, now)).not.toBe('');
      await findHeldUntil(hours, null, now);
      sayMoment(now, { timeZone });
      sayMinuteOfDay(now, timeZone);
      sayTimeOfDay(now, timeZone);
      sayWhen(at, now, timeZone);
    }),
    { numRuns: 150 },
  );
  expect(await readPersonSms(database.db, email)).not.toBeNull();
  expect(await readExport(database.db, userId, contextAt(noon))).not.toBeNull();
});

test('a malformed window counts as the default one, and a zone that is none as none', async () => {
  const { userId } = await givePerson(database.db, { active: true });
  await database.db.execute(sql`
    update sms_preferences set time_zone = 'PST', quiet_hours_start = '22:00', quiet_hours_end = 'noon'
    where user_id = ${userId}`);
  expect(pickQuietHours(await requirePreferences(database.db, userId))).toEqual({
    quietHoursEnabled: true,
    quietHoursStart: '20:00',
    quietHoursEnd: '09:00',
    timeZone: null,
  });
});
