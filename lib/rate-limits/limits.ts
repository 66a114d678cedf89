import type { WindowRule } from './sliding-window';

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** How long a wrong password counts against the address that it came from. */
export const passwordsPerAddressSeconds = 15 * minute;

/** `atOnce` at one instant; what is used up comes back evenly, `perHour` in an hour. */
export type BucketRule = { atOnce: number; perHour: number };

/**
 * Every limit of the product, in one table.
 *
 * The exact ones are sliding windows over instants kept in a locked row. The coarse ones are buckets per address and
 * generous enough for an office behind one address: they make guessing and probing expensive, nothing more.
 */
export const limits = {
  /** Codes to one number, over all accounts, in each class: strangers, the holder, signing in and recovering. */
  sendsPerNumber: [
    { limit: 3, windowSeconds: hour },
    { limit: 10, windowSeconds: day },
  ],
  /** Numbers that one account names for the first time: each is texted, and kept in its ledger. */
  numbersPerAccount: [{ limit: 10, windowSeconds: day }],
  /** Accounts of one network (IPv4: address, IPv6: /48) that ask for codes to one number without holding it. */
  askersPerNetwork: { accounts: 2, windowSeconds: hour },
  /**
   * Wrong codes for one number, over all challenges, in each class; a new code does not reset them (NIST SP 800-63B-4
   * §3.2.2).
   */
  failuresPerNumber: [{ limit: 15, windowSeconds: day }],
  /** "Send me a test text", per number. */
  testTexts: [
    { limit: 3, windowSeconds: hour },
    { limit: 5, windowSeconds: day },
  ],
  /** Answers to texts from one number, so that two machines cannot keep answering each other at our cost. */
  repliesPerNumber: [{ limit: 5, windowSeconds: day }],
  /**
   * Confirmations of a STOP have a limit of their own, so that whoever opts out is told (FCC 24-24), and nobody who says STOP and
   * START in turn spends everyone's budget.
   */
  stopConfirmationsPerNumber: [{ limit: 5, windowSeconds: day }],
  wrongTriesPerChallenge: 5,
  secondsBetweenSends: 30,
  codeTtlSeconds: 10 * minute,
  /** Sending again brings the same code while at least this much of its life remains, else a new one. */
  sameCodeMinimumSeconds: 3 * minute,
  /** Without a delivery receipt for this long, the account may be opened without verification. */
  receiptPatienceSeconds: 60,
  /** Where a text was delivered, whoever has the phone can enter the code; whoever mistyped the number waits no longer than this. */
  deliveredPatienceSeconds: 3 * minute,
  /** Wrong passwords for one email by browsers that its account does not know: from one address … */
  passwordsPerEmailAndAddress: [{ limit: 5, windowSeconds: passwordsPerAddressSeconds }],
  /** … and from all of them together. When these are spent, only such browsers wait (docs/decisions/0012). */
  passwordsPerEmail: [{ limit: 50, windowSeconds: day }],
  /** By one browser that the account knows, or that is signed in to it: no stranger spends these. */
  passwordsPerKnownBrowser: [
    { limit: 5, windowSeconds: 15 * minute },
    { limit: 20, windowSeconds: day },
  ],
  /** Mails with a link to one address, whoever asks for them … */
  mailsPerAddress: [
    { limit: 3, windowSeconds: hour },
    { limit: 10, windowSeconds: day },
  ],
  /** … of these by one network (IPv4: address, IPv6: /48), so that none spends a whole day's … */
  mailsPerAddressAndNetwork: [
    { limit: 3, windowSeconds: hour },
    { limit: 6, windowSeconds: day },
  ],
  /** … and from one network to all addresses. */
  mailsPerNetwork: [{ limit: 30, windowSeconds: hour }],
  /** Besides, to one address by a browser that its account knows: no stranger spends these. */
  mailsPerKnownBrowser: [
    { limit: 3, windowSeconds: hour },
    { limit: 10, windowSeconds: day },
  ],
  /** … and by all that it knows, together. */
  mailsPerKnownBrowsers: [
    { limit: 6, windowSeconds: hour },
    { limit: 20, windowSeconds: day },
  ],
  /** Codes to choose a new password, from one network, whatever emails they are asked for; per email as many as per number. */
  recoveriesPerNetwork: [{ limit: 30, windowSeconds: hour }],
  /** Of those of one email, by one network, so that none spends a whole day's … */
  recoveriesPerEmailAndNetwork: [
    { limit: 3, windowSeconds: hour },
    { limit: 6, windowSeconds: day },
  ],
  /** … and of the wrong ones. */
  recoveryFailuresPerEmailAndNetwork: [{ limit: 10, windowSeconds: day }],
  /** In browsers that the account knows: each has as many as a number, all together no more than this. No stranger spends these. */
  recoveriesPerKnownBrowsers: [
    { limit: 6, windowSeconds: hour },
    { limit: 20, windowSeconds: day },
  ],
  /** Mails about a new sign-in, and with a link to a first second factor, per account: who spends these has the password. */
  mailsPerSignIn: [
    { limit: 3, windowSeconds: hour },
    { limit: 10, windowSeconds: day },
  ],
  /**
   * Changes by one account, of each kind: of texts and quiet hours, of the number, of the password, of second factors; and
   * exports. Each leaves rows that are kept for good. Turning texts off, and taking a number away, is never refused.
   */
  settingsPerAccount: [
    { limit: 30, windowSeconds: hour },
    { limit: 100, windowSeconds: day },
  ],
  /** Names that an account may give itself: each leaves a row that is kept for good, and needs nothing but an open browser. */
  namesPerAccount: [{ limit: 10, windowSeconds: day }],
  /**
   * Opt-outs that one of the operator's people records, by phone or letter. Each stops everything to a number. So many go by one
   * second step …
   */
  toldOptOutsPerHour: [{ limit: 30, windowSeconds: hour }],
  /** … then each takes a second step of its own; a step is worth something for less than this. */
  toldOptOutsPerStep: [{ limit: 1, windowSeconds: hour }],
  /** … and so many in all. Whoever is left over texts STOP, or is recorded by somebody else. */
  toldOptOutsPerRecorder: [{ limit: 200, windowSeconds: day }],
  /** Moves of applications by hand: of one of the operator's people … */
  movesPerMover: [
    { limit: 120, windowSeconds: hour },
    { limit: 600, windowSeconds: day },
  ],
  /** … and of one application, by all brokers, and by everyone else. */
  movesPerApplication: [
    { limit: 10, windowSeconds: hour },
    { limit: 20, windowSeconds: day },
  ],
  /** Notes and changes of assignee, which stay in a timeline that others read: the same. */
  notesPerWriter: [
    { limit: 120, windowSeconds: hour },
    { limit: 600, windowSeconds: day },
  ],
  notesPerApplication: [
    { limit: 60, windowSeconds: hour },
    { limit: 200, windowSeconds: day },
  ],
  /** Applications that one of the operator's people opens for those without an account: each is a row that is kept for years. */
  openedPerPerson: [
    { limit: 100, windowSeconds: hour },
    { limit: 500, windowSeconds: day },
  ],
  /** Drafts of bulk moves of one of the operator's people, each of ten thousand applications at most … */
  bulkDraftsPerMover: [{ limit: 30, windowSeconds: hour }],
  /** … and how often they say where those go: each time what would happen is counted. */
  bulkAimsPerMover: [{ limit: 30, windowSeconds: hour }],
  /** Moves of one application by bulk moves, whoever started them: more are left out. Counted in the notices that they left. */
  bulkMovesPerApplication: [
    { limit: 5, windowSeconds: hour },
    { limit: 10, windowSeconds: day },
  ],
  /** People are told how many tries they have left once it is no more than this many. */
  lastTries: 3,
  /** Of an IPv4 address and of an IPv6 /64. An office signs in at nine, and its people enter their codes then. */
  perAddress: {
    register: { atOnce: 20, perHour: 200 },
    sign_in: { atOnce: 100, perHour: 600 },
    send: { atOnce: 20, perHour: 200 },
    check: { atOnce: 200, perHour: 1200 },
  },
  /** How many times that an IPv6 /64, /56 and /48 get: a /48 holds 65,536 of the narrowest. */
  perAddressTimes: [1, 2, 4],
} as const satisfies Record<
  string,
  number | readonly (WindowRule | number)[] | Record<string, number | BucketRule>
>;

export type AddressLimit = keyof typeof limits.perAddress;
