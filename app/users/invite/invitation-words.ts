import type { InvitationRefusal } from '@/lib/auth/admin/accept-invitation';
import { linkWords } from '../link-words';

/** Why an invitation cannot be used, as a title and what to do. */
export const invitationWords: Record<InvitationRefusal, { title: string; words: string }> = {
  ...linkWords,
  ended: {
    title: 'This invitation was withdrawn',
    words: 'Or there is a newer one: look for it in your mail. Else ask whoever invited you.',
  },
  expired: {
    title: 'This invitation is too old',
    words: 'An invitation can be used for 48 hours. Ask whoever invited you for a new one.',
  },
  inviter_gone: {
    title: 'This invitation is no longer good',
    words: 'Whoever sent it is no longer an admin here. Ask another admin for a new one.',
  },
  email_taken: {
    title: 'You have an account already',
    words: 'There is an account with this email. Sign in to it; an admin can give it another role.',
  },
};
