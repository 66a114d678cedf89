import { nameStatus } from '@/app/_format/application-words';
import { sayTimeOfDay } from '@/app/_format/say-moment';
import type { LastChange } from '@/lib/reporting/application-page';

/** What happened while someone else's page was open: `Sam Staff moved it to Approved at 2:05:10 PM EST.` */
export function sayMeanwhile(change: LastChange | null, timeZone: string | null): string {
  if (change === null) return 'Someone changed it meanwhile.';
  const who = change.actorRole === 'applicant' ? 'The applicant' : (change.actor ?? 'Someone');
  return `${who} ${did(change.kind, nameStatus(change.status))} at ${sayTimeOfDay(change.at, timeZone)}.`;
}

function did(kind: LastChange['kind'], status: string): string {
  switch (kind) {
    case 'moved':
      return `moved it to ${status}`;
    case 'undone':
      return `took a move back, so it is in ${status} again`;
    case 'answered':
      return 'answered';
    case 'assigned':
      return 'changed who sees to it';
    case 'noted':
      return 'wrote a note';
    default:
      return 'changed it';
  }
}
