import type { Role } from '@/db/schema/accounts';
import type { ApplicationStatus } from '@/db/schema/applications';

export type { ApplicationStatus };

export type Move = { from: ApplicationStatus; to: ApplicationStatus; by: readonly Role[] };

const operator = ['staff', 'admin'] as const;
const whoReviews = ['broker', ...operator] as const;

/**
 * Every move that there is, and who may make it; what is not here is refused. Brokers move what is assigned to them, and decide
 * nothing. An applicant withdraws until it is decided; the operator's people do that for someone who asks them to.
 */
export const moves: readonly Move[] = [
  { from: 'draft', to: 'submitted', by: ['applicant'] },
  { from: 'submitted', to: 'in_review', by: whoReviews },
  { from: 'submitted', to: 'documents_needed', by: whoReviews },
  { from: 'submitted', to: 'withdrawn', by: ['applicant', ...operator] },
  { from: 'in_review', to: 'documents_needed', by: whoReviews },
  { from: 'in_review', to: 'approved', by: operator },
  { from: 'in_review', to: 'declined', by: operator },
  { from: 'in_review', to: 'withdrawn', by: ['applicant', ...operator] },
  { from: 'documents_needed', to: 'in_review', by: whoReviews },
  { from: 'documents_needed', to: 'withdrawn', by: ['applicant', ...operator] },
  { from: 'approved', to: 'in_review', by: operator },
  { from: 'declined', to: 'in_review', by: operator },
];

/** Where an application can be moved to from `status` by someone of this role. */
export function movesFrom(status: ApplicationStatus, role: Role): ApplicationStatus[] {
  return moves.filter(({ from, by }) => from === status && by.includes(role)).map(({ to }) => to);
}
