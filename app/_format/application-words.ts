import type { ApplicationStatus } from '@/lib/applications/moves';

/** What each status is called on pages: by its applicant's side, and by those who see to it. */
export const statusWords: Record<ApplicationStatus, string> = {
  draft: 'Draft',
  submitted: 'Submitted',
  in_review: 'In review',
  documents_needed: 'Documents needed',
  approved: 'Approved',
  declined: 'Declined',
  withdrawn: 'Withdrawn',
};
