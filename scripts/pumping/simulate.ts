import { honestMonth, scenarios, throwDice, days, type Scenario } from './scenarios';
import { VirtualGuard, type VirtualCode } from './virtual-guard';

/** What became of one scenario. */
export type Outcome = {
  name: string;
  /** The people whom it is about: how many asked, and how many were refused, since a range or a network was closed. */
  honest: { asked: number; refused: number };
  /** Robots: how many codes they asked for, how many they got; null: there were none. */
  robots: { asked: number; got: number } | null;
  /** How many minutes, and how many codes, after the first of the robots something was closed to one of them; null: it never was. */
  caught: { minutes: number; codes: number } | null;
  closures: number;
};

/** A text without a special price, in dollars. */
const textPrice = 0.0079;

/** Runs one scenario over the month of a seed. */
function runScenario(scenario: Scenario, seed: number): Outcome {
  const { changes = (code: VirtualCode) => code, about = () => true } = scenario;
  const month = honestMonth(throwDice(seed)).map(changes);
  const added = scenario.codes(throwDice(seed + 1));
  const codes = [
    ...month.map((code) => ({ ...code, isRobot: false })),
    ...added.map((code) => ({ ...code, isRobot: !scenario.isHonest })),
  ].sort((a, b) => a.minute - b.minute);
  const guard = new VirtualGuard();
  const honest = { asked: 0, refused: 0 };
  const robots = { asked: 0, got: 0 };
  let caught: Outcome['caught'] = null;
  let firstMinute: number | null = null;
  let next = 0;
  for (let minute = 0; minute < days * 1_440 + 60; minute += 1) {
    guard.tick(minute);
    for (; next < codes.length && codes[next]!.minute <= minute; next += 1) {
      const code = codes[next]!;
      const isSent = guard.ask(code);
      if (!code.isRobot) {
        if (about(code)) honest.asked += 1;
        if (!isSent) honest.refused += 1;
        continue;
      }
      firstMinute ??= minute;
      robots.asked += 1;
      if (isSent) robots.got += 1;
      else caught ??= { minutes: minute - firstMinute, codes: robots.got };
    }
  }
  return {
    name: scenario.name,
    honest,
    robots: robots.asked === 0 ? null : robots,
    caught,
    closures: guard.closures.length,
  };
}

/** The table of docs/pumping.md: what each scenario of a seed came to. */
export function printSimulation(seed: number): string {
  const rows = scenarios.map((scenario) => toCells(runScenario(scenario, seed)));
  const header = [
    'what happens',
    'robots: codes asked for',
    'codes they got',
    'cost',
    'without the guard',
    'first refused after',
    'people asked',
    'people refused',
    'closures',
  ];
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(3, ...all.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [
    line(header),
    `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`,
    ...rows.map(line),
  ].join('\n');
}

function toCells({ name, honest, robots, caught, closures }: Outcome): string[] {
  const count = (value: number) => value.toLocaleString('en-US');
  const dollars = (texts: number) => `$${(texts * textPrice).toFixed(2)}`;
  return [
    name,
    ...(robots === null
      ? ['–', '–', '–', '–', '–']
      : [
          count(robots.asked),
          count(robots.got),
          dollars(robots.got),
          dollars(robots.asked),
          caught === null ? 'never' : `${count(caught.minutes)} min, ${count(caught.codes)} codes`,
        ]),
    count(honest.asked),
    count(honest.refused),
    count(closures),
  ];
}
