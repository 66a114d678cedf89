import { forbidden } from 'next/navigation';
import type { SessionUser } from '@/lib/accounts/sessions';
import type { Viewer } from '@/lib/applications/who-sees';

/** Someone as the applicant that they are; 403 for someone of another role. */
export function asApplicant({ userId, role }: SessionUser): Viewer {
  return role === 'applicant' ? { userId, role } : forbidden();
}
