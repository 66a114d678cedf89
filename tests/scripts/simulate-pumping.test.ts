import { readFileSync } from 'node:fs';
import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { countCodes } from '@/lib/sms/pumping/count-codes';
import { scenarios, throwDice } from '@/scripts/pumping/scenarios';
import { printSimulation } from '@/scripts/pumping/simulate';
import { VirtualGuard, type VirtualCode } from '@/scripts/pumping/virtual-guard';
import { giveAskedCodes } from '../support/codes-asked';
import { useDatabase } from '../support/database';
import { givePerson } from '../support/people';

const database = useDatabase();

test('the table of the documentation is what the command prints', () => {
  const printed = printSimulation(1);
  expect(readFileSync('docs/pumping.md', 'utf8')).toContain(`\n${printed}\n`);
  expect(printed.split('\n')).toHaveLength(scenarios.length + 2);
}, 300_000);

/** Two days at a few prefixes and networks: people who enter most codes, and robots who enter none. */
function makeCodes(seed: number): VirtualCode[] {
  const dice = throwDice(seed);
  const codes = Array.from({ length: 900 }, (): VirtualCode => {
    const isRobot = dice() < 0.5;
    return {
      minute: Math.floor(dice() * (isRobot ? 1_500 : 2_500)),
      prefix: `prefix:+1212${isRobot ? 300 : 200 + Math.floor(dice() * 4)}`,
      network: `network:${Math.floor(dice() * (isRobot ? 14 : 60))}`,
      isEntered: !isRobot && dice() < 0.8,
    };
  });
  return codes.sort((a, b) => a.minute - b.minute);
}

test.each([1, 2])(
  'the guard in memory closes what the database closes, at the same minutes (seed %i)',
  async (seed) => {
    const { db } = database;
    await db.execute(
      sql`truncate sms_messages, users, pumping_sums, pumping_pairs, pumping_progress, pumping_orders cascade`,
    );
    const { userId } = await givePerson(db, { active: true });
    const start = Date.UTC(2026, 10, 20);
    const moment = (minute: number) => new Date(start + minute * 60_000);
    const guard = new VirtualGuard();
    const codes = makeCodes(seed);
    // What the guard refuses is never asked for in the database either.
    const sent: (VirtualCode & { nth: number })[] = [];
    const everyMinutes = 20;
    let next = 0;
    for (let minute = 0; minute <= 2_600; minute += everyMinutes) {
      guard.tick(minute);
      for (; next < codes.length && codes[next]!.minute < minute + everyMinutes; next += 1) {
        if (guard.ask(codes[next]!)) sent.push({ ...codes[next]!, nth: next });
      }
    }
    await giveAskedCodes(
      db,
      sent.map(({ minute, prefix, network, isEntered, nth }) => ({
        at: new Date(moment(minute).getTime() + nth),
        phone: `${prefix.slice('prefix:'.length)}${String(nth).padStart(4, '0')}`,
        network,
        verified: isEntered,
        userId,
      })),
    );
    await db.execute(
      sql`insert into pumping_progress (name, at, id) values ('codes', '2026-11-19T00:00:00Z', gen_random_uuid())`,
    );
    for (let minute = 0; minute <= 2_600; minute += everyMinutes) {
      // The thousandths of a second by which codes are told apart, besides.
      await countCodes(db, new Date(moment(minute).getTime() + codes.length), 10_000);
    }
    const { rows } = await db.execute<{ scope: string; begun: number; ends: number }>(sql`
    select scope, floor((extract(epoch from begun_at) * 1000 - ${start}) / 60000)::int as begun,
      floor((extract(epoch from ends_at) * 1000 - ${start}) / 60000)::int as ends
    from pumping_orders order by begun, scope`);
    const inMemory = [...guard.closures].sort((a, b) => a.begun - b.begun || (a.scope < b.scope ? -1 : 1));
    expect(rows).toEqual(inMemory);
    expect(rows.length).toBeGreaterThan(3);
  },
  120_000,
);
