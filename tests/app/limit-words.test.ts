import { beforeEach, describe, expect, test } from 'vitest';
import { countGroup, countRefusals, listLimits } from '@/app/admin/limits/limit-words';
import { sayMicros } from '@/app/admin/report-words';
import { readRefusalCounts } from '@/lib/reporting/refusal-counts';
import { rollUpDays } from '@/lib/reporting/rollups/roll-up';
import { limits } from '@/lib/rate-limits/limits';
import { capsOf } from '@/lib/sms/capacity/budget';
import { useDatabase } from '../support/database';
import { makeEnv, twilioVariables } from '../support/texts';

const database = useDatabase();
const settings = makeEnv('postgres://localhost/unused');
const now = new Date('2026-11-20T17:00:00Z');

beforeEach(() =>
  database.pool.query('truncate sms_verification_log, sms_messages, event_rollups, sms_rollups, rolled_days'),
);

const refuse = (reason: string, hoursAgo: number, times: number) =>
  database.pool.query(
    `insert into sms_verification_log (at, event, reason, phone, times)
     values ($1::timestamptz - make_interval(hours => $2), 'send_refused', $3, '+15005550123', $4)`,
    [now, hoursAgo, reason, times],
  );
const fail = (reason: string, hoursAgo: number) =>
  database.pool.query(
    `insert into sms_messages (id, phone, purpose, template, created_at, send_after, status, reason)
     select gen_random_uuid(), '+15005550123', 'update', 'applicationStatus', at, at, 'failed', $3
     from (select $1::timestamptz - make_interval(hours => $2) as at) moment`,
    [now, hoursAgo, reason],
  );

describe('the page of limits', () => {
  test('says what each limit of the table lets be', () => {
    const rows = listLimits(settings, []).flatMap((group) => group.rows);
    const limitOf = (begin: string) => rows.find(({ rule }) => rule.startsWith(begin))?.limit;
    expect(limitOf('Codes to one number,')).toBe('3 in any hour, 10 in any day');
    expect(limitOf('Between two sends')).toBe('30 seconds');
    expect(limitOf('How long a code can be entered')).toBe('10 minutes');
    expect(limitOf('Accounts of one network')).toBe('2 in any hour');
    expect(limitOf('Wrong passwords in a browser')).toBe('5 in any 15 minutes, 20 in any day');
    expect(limitOf('Sign-ins from one address')).toBe('100 at once, 600 an hour');
    expect(limitOf('All texts together')).toBe('$20.00 in any day');
    // The shares are those that decide (tests/lib/sms/capacity/): of $20.00.
    expect(limitOf('Of this, what codes for new numbers')).toBe('$2.00 in any day');
    expect(limitOf('Of this, updates')).toBe('$16.00 in any day');
    expect(limitOf('The same for texts of bulk moves')).toBe('$12.00 in any day');
    expect(limitOf('Of this, codes that strangers')).toBe('$14.00 in any day, by the hour');
    expect(limitOf('Of what strangers ask for, codes of one network, and')).toBe('$1.00 in any day');
    expect(limitOf('Of this, codes of one network to')).toBe('$0.333333 in any day');
    // One row a limit, and one a kind of request in the place of `perAddress`.
    const ofTable = Object.keys(limits).length - 1 + Object.keys(limits.perAddress).length;
    expect(rows.length).toBeGreaterThanOrEqual(ofTable);
    expect(rows.filter(({ limit }) => limit === '–' || limit === '')).toEqual([]);
    expect(new Set(rows.map(({ rule }) => rule)).size).toBe(rows.length);
  });

  test('names the pace that codes wait for: that of their own sender, where there is one', () => {
    const variables = {
      ...twilioVariables('http://localhost:1'),
      SMS_MESSAGES_PER_SECOND: '3',
      SMS_CODES_MESSAGES_PER_SECOND: '7',
    };
    const readRow = (more: Record<string, string>) =>
      listLimits(makeEnv('postgres://localhost/unused', { ...variables, ...more }), [])
        .flatMap((group) => group.rows)
        .find(({ reasons }) => reasons.includes('crowded'));
    const ofOne = readRow({});
    expect(ofOne?.rule).toContain('(SMS_MESSAGES_PER_SECOND)');
    expect(ofOne?.limit).toBe('1 minute, at 3 a second');
    const ofCodes = readRow({ TWILIO_CODES_FROM_PHONE: '+15005550016' });
    expect(ofCodes?.rule).toContain('(SMS_CODES_MESSAGES_PER_SECOND)');
    expect(ofCodes?.limit).toBe('1 minute, at 7 a second');
  });

  test('says what the reservation of a stranger’s code is held against', () => {
    const totalMicros = 37_123_456;
    const caps = capsOf(
      {
        ...{
          userId: 'u',
          emailKey: 'e',
          emailProven: false,
          phone: '+15005550123',
          network: 'n',
          wideNetwork: 'w',
        },
        ...{ purpose: 'verification', sendClass: 'prove', priceMicros: 1 },
      },
      { totalMicros, perUserMicros: 1_000_000 },
      ['a secret'],
    );
    const dollarsOf = (rule: string, scope: string) => {
      const cap = caps.find((each) => each.rule === rule && each.scope === scope && each.hours === 24);
      return sayMicros(Number(cap!.limitMicros));
    };
    const rows = listLimits({ ...settings, smsDailyBudgetMicros: totalMicros }, []).flatMap(
      (group) => group.rows,
    );
    const limitOf = (begin: string) => rows.find(({ rule }) => rule.startsWith(begin))!.limit;
    expect(limitOf('Of this, codes that strangers')).toContain(dollarsOf('strangers_share', 'strangers'));
    expect(limitOf('Of this, codes of one provider')).toContain(dollarsOf('wide_network_share', 'w'));
    expect(limitOf('Of what strangers ask for, codes of one network, and')).toContain(
      dollarsOf('network_share', 'n'),
    );
    expect(limitOf('Of what strangers ask for, codes of one network, and')).toContain(
      dollarsOf('prefix_share', 'prefix:+1500555'),
    );
    expect(limitOf('Of this, codes of one network to')).toContain(
      dollarsOf('network_share', 'n@prefix:+1500555'),
    );
    const kept = BigInt(totalMicros) - caps.find(({ rule }) => rule === 'all_but_kept')!.limitMicros!;
    expect(limitOf('Of this, what codes for new numbers')).toContain(sayMicros(Number(kept)));
  });

  test('counts no reason twice, and shows those that no rule names', () => {
    const groups = listLimits(settings, ['send_limit', 'constructor', 'something_new']);
    const reasons = groups.flatMap(({ rows }) => rows.flatMap((row) => row.reasons));
    expect(new Set(reasons).size).toBe(reasons.length);
    expect(groups.at(-1)).toMatchObject({
      id: 'others',
      rows: [{ rule: 'constructor' }, { rule: 'something new' }],
    });
    expect(listLimits(settings, ['send_limit']).map(({ id }) => id)).not.toContain('others');
  });
});

test('what each rule refused since yesterday and in seven days is counted, also once days are summed up', async () => {
  await refuse('send_limit', 23, 5);
  await refuse('send_limit', 49, 7);
  await refuse('send_limit', 6 * 24, 11);
  await refuse('send_limit', 9 * 24, 1000);
  await refuse('constructor', 1, 2);
  // The first day of all is that of the first text.
  await fail('budget', 9 * 24);
  await fail('budget', 2);
  await fail('budget', 50);
  const before = await readRefusalCounts(database.db, now);
  // Today and yesterday are counted as they are.
  expect(before.missingDays).toHaveLength(5);
  await rollUpDays(database.db, now, 30);
  const { sinceYesterday, inWeek, missingDays } = await readRefusalCounts(database.db, now);
  expect(missingDays).toEqual([]);
  expect({ ...sinceYesterday }).toEqual({ send_limit: 5, constructor: 2, budget: 1 });
  expect({ ...inWeek }).toEqual({ send_limit: 23, constructor: 2, budget: 2 });
  const [row] = listLimits(settings, [])[0]!.rows;
  expect(countRefusals(row!, inWeek)).toBe(23);
  const group = (id: string) => listLimits(settings, ['constructor']).find((each) => each.id === id)!.rows;
  expect(countGroup(group('codes'), inWeek)).toBe(23);
  expect(countGroup(group('money'), inWeek)).toBe(2);
  expect(countGroup(group('others'), inWeek)).toBe(2);
  expect(countGroup(group('mails'), inWeek)).toBeNull();
  expect(countRefusals({ rule: '', limit: '', reasons: [] }, inWeek)).toBeNull();
  expect(countRefusals({ rule: '', limit: '', reasons: ['too_soon'] }, inWeek)).toBe(0);
});
