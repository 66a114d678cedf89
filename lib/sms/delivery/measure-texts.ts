import { sentPurposes, type MeterLabels } from '@/lib/metrics/catalog';
import { measureSeconds } from '@/lib/metrics/meters';

/** The purpose is of a row, so it may be none that we know: such a text is not counted. */
type Timed = { purpose: string; createdAt: Date };

/** Counts, once a row says so for good, how long a text took to reach the provider or its end, and how that ended. */
export function measureSend(text: Timed, outcome: MeterLabels<'sends'>['outcome'], now: Date): void {
  const purpose = sentPurposes.find((known) => known === text.purpose);
  if (purpose !== undefined) measureSeconds('sends', { purpose, outcome }, secondsUntil(text, now));
}

/** The same for what the provider reports. A text that fails and is delivered after all counts as both. */
export function measureDelivery(text: Timed, outcome: MeterLabels<'deliveries'>['outcome'], now: Date): void {
  const purpose = sentPurposes.find((known) => known === text.purpose);
  if (purpose !== undefined) measureSeconds('deliveries', { purpose, outcome }, secondsUntil(text, now));
}

function secondsUntil({ createdAt }: Timed, now: Date): number {
  return (now.getTime() - createdAt.getTime()) / 1000;
}
