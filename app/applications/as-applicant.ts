import { forbidden } from 'next/navigation';
import type { SessionUser } from '@/lib/accounts/sessions';
import { actsOnOwn, type Viewer } from '@/lib/applications/who-sees';

/** Someone as the applicant that they are; 403 for someone who only reads what they once handed in. */
export function asApplicant({ userId, role, sessionId }: SessionUser): Viewer {
  return actsOnOwn({ role }) ? { userId, role, sessionId } : forbidden();
}
