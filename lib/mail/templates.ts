/** What a mail says, before it is laid out. Plain text; nothing in it is markup. */
export type MailContent = {
  subject: string;
  /** Before the button. */
  paragraphs: string[];
  button: { label: string; url: string } | null;
  /** Smaller, after it. */
  notes: string[];
  /** Why it came, where it is not because of an account with the address. */
  because?: string;
};

/** What fills a template in: the name of the site, and of the link where it carries one, its address and how long it works. */
export type MailFacts = { site: string; link: string | null; lasts: string; params: Record<string, string> };

/** What happened to an account, and how to undo it. */
function notice({ site, link, lasts }: MailFacts, title: string, words: string): MailContent {
  const paragraphs = [`Your ${site} account ${words}`, 'If it was you, there is nothing to do.'];
  if (link === null) {
    const undone = 'Since then, someone has said that this or another change was not them.';
    const again = 'If it was not you, and nobody has written to you about that, ask for a new password.';
    return {
      subject: `${title}: ${site}`,
      paragraphs: [...paragraphs, undone, again],
      button: null,
      notes: [],
    };
  }
  return {
    subject: `${title}: ${site}`,
    paragraphs,
    button: { label: 'This was not me', url: link },
    notes: [
      `The link works for ${lasts}. It signs everyone out, restores your earlier email and phone number, removes second factors that were added, and lets you choose a new password.`,
    ],
  };
}

/** The same about second factors: "A passkey was added". `event` is in the mail's row; those of before had none. */
function factorNotice(facts: MailFacts, past: { title: string; words: string }): MailContent {
  const { event } = facts.params;
  if (event === undefined) return notice(facts, past.title, past.words);
  return notice(facts, `${event[0]!.toUpperCase()}${event.slice(1)}`, `has changed: ${event}.`);
}

/** The mails about something that happened, with a link that undoes it. */
export type NoticeTemplate =
  | 'emailChanged'
  | 'passwordChanged'
  | 'phoneAdded'
  | 'phoneChanged'
  | 'newDevice'
  | 'passwordWasReset'
  | 'factorAdded'
  | 'factorRemoved'
  | 'factorsReset'
  | 'recoveryCodeUsed'
  | 'secondFactorPaused';

/**
 * The words of every mail. Nothing that a person typed is in one that may go to an address which is not proven: else anyone
 * could have their words sent to anyone in our name.
 */
const templates = {
  confirmEmail: ({ site, link, lasts }: MailFacts): MailContent => ({
    subject: `Confirm your email for ${site}`,
    paragraphs: [
      `Someone created a ${site} account with this email address. If it was you, confirm that the address is yours.`,
    ],
    button: { label: 'Confirm my email', url: link ?? '' },
    notes: [
      `The link works once, for ${lasts}. If the account is not yours, open the link and choose “I did not make this account”.`,
    ],
  }),
  claimEmail: ({ site, link, lasts }: MailFacts): MailContent => ({
    subject: `Finish creating your ${site} account`,
    paragraphs: [
      `Someone tried to create a ${site} account with this email address. An account with it exists already, but nobody ever confirmed that the address is theirs.`,
      'If it was you, follow the link and create your account. The earlier account will be closed, and nothing of it will be in yours.',
    ],
    button: { label: 'Create my account', url: link ?? '' },
    notes: [`The link works once, for ${lasts}. If it was not you, ignore this email: nothing will change.`],
  }),
  resetPassword: ({ site, link, lasts }: MailFacts): MailContent => ({
    subject: `Reset your ${site} password`,
    paragraphs: [
      `Someone asked to reset the password of your ${site} account. If it was you, choose a new one.`,
    ],
    button: { label: 'Choose a new password', url: link ?? '' },
    notes: [
      `The link works once, for ${lasts}. If it was not you, ignore this email: your password stays as it is.`,
    ],
  }),
  choosePassword: ({ site, link, lasts }: MailFacts): MailContent => ({
    subject: `Choose a new ${site} password`,
    paragraphs: [
      `You told us that a change of your ${site} account was not you. Everyone is signed out, and the old password no longer works. Choose a new one that you have never used before.`,
    ],
    button: { label: 'Choose a new password', url: link ?? '' },
    notes: [`The link works once, for ${lasts}. After that, ask for another one at “Forgot your password?”.`],
  }),
  passwordWasReset: (facts: MailFacts): MailContent => {
    const words = notice(
      facts,
      'The password was reset',
      'has a new password, chosen by a link to this address.',
    );
    const isPhoneOff = facts.params.event === 'phone_taken_off';
    const phone =
      'This also confirmed your email. Since it was not confirmed before, we took the phone number off the account, for your protection. You can add it again right away, and then agree to text updates again.';
    return {
      ...words,
      paragraphs: isPhoneOff ? [words.paragraphs[0]!, phone, ...words.paragraphs.slice(1)] : words.paragraphs,
      notes: [
        ...words.notes,
        `If it was not you, someone else reads your email: secure your mailbox first. For 72 hours your email cannot be changed${isPhoneOff ? '' : ', nor a phone number that the account has'}.`,
      ],
    };
  },
  changeEmail: ({ site, link, lasts }: MailFacts): MailContent => ({
    subject: `Your new email for ${site}`,
    paragraphs: [`Someone asked to use this address for a ${site} account. If it was you, confirm it.`],
    button: { label: 'Use this email', url: link ?? '' },
    notes: [
      `Open the link in the browser in which you are signed in. It works once, for ${lasts}. If it was not you, ignore this email.`,
    ],
  }),
  emailChanged: (facts: MailFacts): MailContent =>
    notice(
      facts,
      'The email was changed',
      'has another email address now. This one is no longer used for it.',
    ),
  passwordChanged: (facts: MailFacts): MailContent =>
    notice(facts, 'The password was changed', 'has a new password. All other browsers were signed out.'),
  phoneAdded: (facts: MailFacts): MailContent =>
    notice(facts, 'A phone number was added', 'has a phone number now. It had none before.'),
  phoneChanged: (facts: MailFacts): MailContent =>
    notice(facts, 'The phone number was changed', 'has another phone number now, or none.'),
  newDevice: (facts: MailFacts): MailContent =>
    notice(facts, 'A new sign-in', 'was just signed in to, from a browser that we do not recognize.'),
  factorAdded: (facts: MailFacts): MailContent =>
    factorNotice(facts, {
      title: 'A way to sign in was added',
      words: 'has another passkey, authenticator app or phone to sign in with.',
    }),
  factorRemoved: (facts: MailFacts): MailContent =>
    factorNotice(facts, {
      title: 'A way to sign in was removed',
      words: 'has one passkey, authenticator app or phone less to sign in with.',
    }),
  factorsReset: (facts: MailFacts): MailContent =>
    notice(
      facts,
      'Your second factors were removed',
      'has no passkey, authenticator app, phone or recovery codes anymore. You were signed out everywhere.',
    ),
  recoveryCodeUsed: (facts: MailFacts): MailContent =>
    notice(facts, 'A recovery code was used', 'was signed in to with one of your recovery codes.'),
  secondFactorPaused: (facts: MailFacts): MailContent =>
    notice(
      facts,
      'Wrong codes at sign-in',
      'was given the right password, and then many wrong codes. No code works for a while. If it was not you, someone knows your password: change it.',
    ),
  enrollFactor: ({ site, link, lasts }: MailFacts): MailContent => ({
    subject: `Set up your second factor for ${site}`,
    paragraphs: [
      `Your ${site} account has to be protected by a second factor before it opens. Follow the link to set it up.`,
    ],
    button: { label: 'Set up my second factor', url: link ?? '' },
    notes: [
      `You need your password for it. The link works once, for ${lasts}. If you did not try to sign in, someone knows your password: change it.`,
    ],
  }),
  enrollByAdmin: ({ site, link, lasts }: MailFacts): MailContent => ({
    subject: `Set up your second factor for ${site}`,
    paragraphs: [
      `Your ${site} account has to be protected by a second factor. An admin sends you this link to set it up.`,
    ],
    button: { label: 'Set up my second factor', url: link ?? '' },
    notes: [`You need your password for it. The link works once, for ${lasts}.`],
  }),
  resetFactors: ({ site, link, lasts }: MailFacts): MailContent => ({
    subject: `Replace your second factor for ${site}`,
    paragraphs: [
      `An admin of ${site} was told that you lost what you sign in with besides your password. If that is so, follow the link: it removes every passkey, authenticator app, phone and recovery code from your account, signs you out everywhere, and lets you set up new ones.`,
    ],
    button: { label: 'Replace my second factor', url: link ?? '' },
    notes: [
      `You need your password for it. The link works once, for ${lasts}. If you did not ask for this, do not follow it: nothing will change. Tell an admin of ${site}, since someone may be pretending to be you.`,
    ],
  }),
  applicationNews: ({ site, params }: MailFacts): MailContent => ({
    subject: `News about your application: ${site}`,
    paragraphs: [`There is news about your application. Sign in to read it.`],
    button: params.url ? { label: 'Read it', url: params.url } : null,
    notes: [],
  }),
  documentsNeeded: ({ site, params }: MailFacts): MailContent => ({
    subject: `Something is needed for your application: ${site}`,
    paragraphs: [`Something is needed for your application. Sign in to read what, and to answer.`],
    button: params.url ? { label: 'Read what is needed', url: params.url } : null,
    notes: [],
  }),
  optOutRecorded: ({ site }: MailFacts): MailContent => ({
    subject: `No more texts to your phone: ${site}`,
    paragraphs: [
      `Someone at ${site} recorded, on your behalf, that you want no more texts. No text goes to the phone number of your account now, codes included.`,
      'If you asked for this, there is nothing to do.',
      'If you did not, text START from that phone to the number that our texts came from. What you had agreed to is good again then. Nobody but you can take this back.',
    ],
    button: null,
    notes: [],
  }),
  invitation: ({ site, link, lasts, params }: MailFacts): MailContent => ({
    subject: `You are invited to ${site}`,
    paragraphs: [
      `An admin of ${site} invites you to create an account${asRole(params.role)}. Choose your name and a password to accept.`,
    ],
    button: { label: 'Accept the invitation', url: link ?? '' },
    notes: [`The link works once, for ${lasts}. If you do not expect this, ignore this email.`],
    because: `${site} sent you this email because an admin entered your address.`,
  }),
} as const satisfies Record<string, (facts: MailFacts) => MailContent>;

/** As what someone is invited; nothing for a role that this version does not know. */
function asRole(role: string | undefined): string {
  const words = new Map([
    ['applicant', ' as an applicant'],
    ['broker', ' as a broker'],
    ['staff', ' as a member of staff'],
    ['admin', ' as an admin'],
  ]);
  return words.get(role ?? '') ?? '';
}

export type MailTemplate = keyof typeof templates;

/** The words of a stored mail; null: this version does not know the template. */
export function fillTemplate(template: string, facts: MailFacts): MailContent | null {
  return Object.hasOwn(templates, template) ? templates[template as MailTemplate](facts) : null;
}
