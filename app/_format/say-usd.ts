/**
 * Writes an exact decimal as dollars without losing a digit: four decimals at least, `$0.0079` or `$0.123456`. What is no
 * decimal (PostgreSQL has `NaN`) is written as it is.
 */
export function sayUsd(decimal: string): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimal);
  if (parts === null) return decimal;
  const [, sign, whole, fraction = ''] = parts;
  return `${sign}$${whole}.${fraction.replace(/0+$/, '').padEnd(4, '0')}`;
}
