import type { ReactNode } from 'react';
import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { Badge } from '@/components/ui/Badge';
import type { SeenPerson } from '@/lib/reporting/person';

type Factors = SeenPerson['factors'];

/** Whether there is a second factor to take off. */
export function holdsFactor(factors: Factors): boolean {
  return Boolean(factors?.passkeys ?? factors?.authenticatorApp ?? factors?.codesByText);
}

/** What someone holds besides their password, a row each; where there is nothing, one row says so to whom it concerns. */
export function sayFactors(factors: Factors, clock: Clock): { term: string; detail: ReactNode }[] {
  if (factors === null) return [];
  const { passkeys, authenticatorApp, codesByText, recoveryCodesLeft, isLacking } = factors;
  const since = (at: Date) => (
    <>
      since <Moment at={at} clock={clock} />
    </>
  );
  const used = (at: Date | null) =>
    at === null ? (
      ', not used yet'
    ) : (
      <>
        , last used <Moment at={at} clock={clock} />
      </>
    );
  const rows: { term: string; detail: ReactNode }[] = [];
  if (isLacking) rows.push({ term: 'Second factor', detail: <Badge tone="warning">Not set up</Badge> });
  if (passkeys) {
    const detail = (
      <>
        {passkeys.count}, {since(passkeys.since)}
        {used(passkeys.lastUsedAt)}
      </>
    );
    rows.push({ term: 'Passkeys', detail });
  }
  if (authenticatorApp) {
    const detail = (
      <>
        Set up {since(authenticatorApp.since)}
        {used(authenticatorApp.lastUsedAt)}
      </>
    );
    rows.push({ term: 'Authenticator app', detail });
  }
  if (codesByText) rows.push({ term: 'Codes by text', detail: <>On {since(codesByText.since)}</> });
  if (recoveryCodesLeft !== null) rows.push({ term: 'Recovery codes', detail: `${recoveryCodesLeft} left` });
  return rows;
}
