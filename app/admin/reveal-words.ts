import { askToConfirm } from '@/app/users/password-words';

/** What a button answers that shows what is masked: what it was, beside `revealed`, or why not. */
export const revealAnswers = {
  revealed: {
    tone: 'success',
    message: 'Shown this once: it is gone when you leave this page. The audit log says that you looked.',
  },
  confirm_first: {
    message:
      'It has been more than ten minutes since your second step. Confirm that it is you, then press “Reveal” again.',
    link: askToConfirm.link,
  },
  not_open: { message: 'You are signed out. Sign in in another tab, then press “Reveal” again.' },
  gone: { message: 'There is nothing to show any more.' },
} as const;

/** What the button does, beside it. */
export const revealNote = 'Asks for your second factor, and is written in the audit log.';
