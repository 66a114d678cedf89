import type { LinkRefusal } from '@/lib/mail/links';

/** Why the link of a mail cannot be used, as a title and what to do. */
export const linkWords: Record<LinkRefusal, { title: string; words: string }> = {
  unknown: {
    title: 'This link is not complete',
    words: 'Open it from the email itself, or copy the whole address. Nothing was changed.',
  },
  used: { title: 'This link was used already', words: 'Each link works once. Nothing more was changed.' },
  ended: {
    title: 'This link no longer works',
    words: 'There is a newer email, or what it was for has been settled. Nothing was changed.',
  },
  expired: {
    title: 'This link is too old',
    words: 'Links work for a limited time. Ask for a new one. Nothing was changed.',
  },
};
