import { sql, type SQL } from 'drizzle-orm';

const hourSeconds = 3600;

/** The hour that a moment is in, as a number: refusals of one of these are one row. */
export function hourNumber(moment: Date): number {
  return Math.floor(moment.getTime() / (hourSeconds * 1000));
}

/**
 * Under which key a row of refusals counts those of a network. With the hour in it, whoever looks for the last hour finds its rows
 * alone in the index, however much the network was refused before.
 *
 * @param network the keyed mark of the network
 * @param moment when it was refused
 */
export function networkHour(network: string, moment: Date): string {
  return `${network}@${hourNumber(moment)}`;
}

/**
 * The keys under which refusals of the last hour may be counted: of the hour that `now` is in, the one before, and the next, where a
 * web server's clock is ahead. An array of text.
 *
 * @param network an expression for the keyed mark of the network
 * @param now an expression for the moment
 */
export function networkHoursAround(network: SQL, now: SQL): SQL {
  const key = (hours: number) =>
    sql`${network}::text || '@' || (floor(extract(epoch from ${now}) / ${hourSeconds}::int)::bigint + ${hours}::int)`;
  return sql`array[${key(-1)}, ${key(0)}, ${key(1)}]`;
}
