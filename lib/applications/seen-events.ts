import { sql, type SQL } from 'drizzle-orm';
import { idOfMany } from './shown-move';

/**
 * Whether an event is of this application and one that its applicant and brokers see; who was assigned, and what is for staff and
 * admins alone, is none. A condition on the table `application_events` under the name `e`, in the words of the one index that
 * answers it (`application_events_seen_by_all_index`).
 */
export function isSeenOf(applicationId: string): SQL {
  return sql`(case when e.kind <> 'assigned' and (e.kind <> 'noted' or e.note is not null) then e.application_id end)
    = ${idOfMany(applicationId)}`;
}
