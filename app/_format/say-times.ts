/** So many are told apart in one row of the log (lib/sms/verification/fold-refusal.ts). */
const mostToldApart = 100;

/**
 * How often something was refused, and by how many: `12 times, from 3 networks, by 2 accounts`. Empty for once. What is not
 * known, or only one, is left out.
 */
export function sayTimes({
  times,
  networks = null,
  accounts = null,
}: {
  times: number;
  networks?: number | null;
  accounts?: number | null;
}): string {
  if (times <= 1) return '';
  const several = (count: number | null, before: string, what: string) => {
    if (count === null || count <= 1) return [];
    return [`${before} ${count}${count >= mostToldApart ? ' or more' : ''} ${what}`];
  };
  return [
    `${times.toLocaleString('en-US')} times`,
    ...several(networks, 'from', 'networks'),
    ...several(accounts, 'by', 'accounts'),
  ].join(', ');
}
