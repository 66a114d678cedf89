import { sql, type SQL } from 'drizzle-orm';
import { idOfMany } from './shown-move';

/** The application of an event that its applicant and brokers see, in the words of the index `application_events_seen_by_all_index`. */
const seen = sql`(case when e.kind <> 'assigned' and (e.kind <> 'noted' or e.note is not null) then e.application_id end)`;

/**
 * Whether an event is of this application and one that its applicant and brokers see; who was assigned, and what is for staff and
 * admins alone, is none. A condition on the table `application_events` under the name `e`.
 *
 * It is no equation: by that the planner takes the few events that most applications have for those of this one, reads all of them
 * and sorts. Of what lies between two ends it expects many, and reads the first of them in the order of the index (`inSeenOrder`).
 */
export function isSeenOf(applicationId: string): SQL {
  const id = idOfMany(applicationId);
  return sql`${seen} >= ${id} and ${seen} <= ${id}`;
}

/** The order of such events by their ids, as the index has it. */
export const inSeenOrder = {
  first: sql`${seen}, e.id`,
  last: sql`${seen} desc, e.id desc`,
};
