/** Writes an exact decimal as dollars without losing a digit: four decimals at least, `$0.0079` or `$0.123456`. */
export function sayUsd(decimal: string): string {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return `$${whole}.${fraction.replace(/0+$/, '').padEnd(4, '0')}`;
}
