import { peopleSearchProblems } from '@/app/_format/people-search-words';
import type { SubjectRefusal } from '@/lib/reporting/message-subject';

/** Why nothing is looked for, and what to enter. */
export const subjectProblems: Record<SubjectRefusal, string> = {
  too_few_digits: 'Enter the last four digits of a number, or all of it, or nothing for everyone.',
  part_of_number: peopleSearchProblems.part_of_number,
  not_a_number: 'This is not a phone number. Enter one number, or its last four digits.',
  too_long: 'This is too long. Enter the beginning of a name or email, a number, or an id.',
  unknown_id: 'No text, person or application has this id.',
  nobody: 'Nobody has a name or an email that begins like this.',
};

/** What the search field takes. */
export const subjectHint =
  'A phone number or its last four digits, the start of a name or email, a SID, or the id of a text, person or application';
