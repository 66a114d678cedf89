/**
 * Who comes: nobody in particular, someone whose account waits for its verification, and one signed in of each role. The
 * applicant's number is not verified; the others have none.
 */
export const visitors = ['nobody', 'pending', 'applicant', 'broker', 'staff', 'admin'] as const;
export type Visitor = (typeof visitors)[number];

/** What a page or route answers. */
export type RouteAnswer =
  | 'shown'
  /** Led to the sign-in page, and back afterwards. */
  | 'sign_in'
  /** Led inside, for there is nothing to do here. */
  | 'inside'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found';

/** What a server action answers. */
export type ActionAnswer =
  /** It did, or refused, what was asked for: this visitor may ask. */
  | 'heard'
  | 'sign_in'
  /** The form stays and says that nobody is signed in. */
  | 'told'
  | 'forbidden';

export type Row<Answer> = Record<Visitor, Answer>;

const everyone = <Answer>(answer: Answer): Row<Answer> => ({
  nobody: answer,
  pending: answer,
  applicant: answer,
  broker: answer,
  staff: answer,
  admin: answer,
});

/** Only with a session: `answer` for the others, a pending verification being none. */
const signedIn = <Answer>(shown: Answer, answer: Answer): Row<Answer> => ({
  ...everyone(shown),
  nobody: answer,
  pending: answer,
});

const anyone = everyone<RouteAnswer>('shown');
const onlySignedIn = signedIn<RouteAnswer>('shown', 'sign_in');
const onlySignedOut = signedIn<RouteAnswer>('inside', 'shown');
const onlyTwilio = everyone<RouteAnswer>('forbidden');
const onlyAdmins: Row<RouteAnswer> = { ...signedIn<RouteAnswer>('forbidden', 'sign_in'), admin: 'shown' };

/** Every page and route handler, and what each visitor gets there. */
export const routeTable: Record<string, Row<RouteAnswer>> = {
  'GET /': onlySignedOut,
  'GET /terms': anyone,
  'GET /privacy': anyone,
  'GET /api/health': anyone,
  'GET /api/ready': anyone,
  'GET /users/login': onlySignedOut,
  'GET /users/register/applicant': onlySignedOut,
  'GET /users/verify-phone': { ...anyone, nobody: 'sign_in' },
  'GET /users/verify-phone/status': {
    ...everyone<RouteAnswer>('not_found'),
    pending: 'shown',
    applicant: 'shown',
  },
  'GET /dashboard': onlySignedIn,
  'GET /users/sms-preferences': onlySignedIn,
  'GET /users/sms-preferences/preview': signedIn<RouteAnswer>('shown', 'unauthorized'),
  'GET /users/sms-preferences/record': onlySignedIn,
  'GET /users/sms-preferences/record/download': onlySignedIn,
  'GET /users/security': onlySignedIn,
  'GET /users/account/export': onlySignedIn,
  'GET /users/account/delete': onlySignedIn,
  'GET /users/account/deleted': anyone,
  'GET /admin/sms': onlyAdmins,
  'GET /admin/numbers': onlyAdmins,
  'GET /users/webhook/twilio': onlyTwilio,
  'GET /users/webhook/twilio/inbound': onlyTwilio,
  'POST /users/webhook/twilio': onlyTwilio,
  'POST /users/webhook/twilio/inbound': onlyTwilio,
  // With the console backend on localhost; anywhere else it does not exist.
  'GET /dev/phone': anyone,
  'GET /dev/phone/texts': anyone,
};

/** Routes that show what belongs to everyone, by design. */
export const developmentRoutes = ['GET /dev/phone', 'GET /dev/phone/texts'];

/**
 * What stands first in an action and decides who may ask. `null`: everyone may, for it is how one gets in or out.
 */
export type Guard = 'requireUser' | 'requireRole' | 'requireProver' | 'requireDevPhone' | 'readActor' | null;

const publicAction = { guard: null, answers: everyone<ActionAnswer>('heard') } as const;
const developmentAction = { guard: 'requireDevPhone', answers: everyone<ActionAnswer>('heard') } as const;
const proverAction = {
  guard: 'requireProver',
  answers: { ...everyone<ActionAnswer>('heard'), nobody: 'sign_in' },
} as const;
const adminAction = {
  guard: 'requireRole',
  answers: { ...signedIn<ActionAnswer>('forbidden', 'sign_in'), admin: 'heard' },
} as const;
const settingsAction = { guard: 'readActor', answers: signedIn<ActionAnswer>('heard', 'told') } as const;

/** Every server action, its guard, and what each visitor is answered. */
export const actionTable: Record<string, { guard: Guard; answers: Row<ActionAnswer> }> = {
  'app/users/login/actions.ts#signInAction': publicAction,
  'app/users/login/actions.ts#signOutAction': publicAction,
  'app/users/register/applicant/actions.ts#registerAction': publicAction,
  'app/users/verify-phone/actions.ts#checkCodeAction': proverAction,
  'app/users/verify-phone/actions.ts#sendAgainAction': proverAction,
  'app/users/verify-phone/actions.ts#replaceNumberAction': proverAction,
  'app/users/verify-phone/actions.ts#continueWithoutAction': proverAction,
  'app/dashboard/actions.ts#startVerificationAction': {
    guard: 'requireUser',
    answers: signedIn<ActionAnswer>('heard', 'sign_in'),
  },
  'app/users/sms-preferences/phone-actions.ts#addPhoneAction': settingsAction,
  'app/users/sms-preferences/phone-actions.ts#verifyPhoneAction': settingsAction,
  'app/users/sms-preferences/phone-actions.ts#changePhoneAction': settingsAction,
  'app/users/sms-preferences/phone-actions.ts#removePhoneAction': settingsAction,
  'app/users/sms-preferences/phone-actions.ts#keepNumberAction': settingsAction,
  'app/users/sms-preferences/quiet-hours-actions.ts#saveQuietHoursAction': settingsAction,
  'app/users/sms-preferences/texts-actions.ts#saveTextsAction': settingsAction,
  'app/users/sms-preferences/texts-actions.ts#sendTestTextAction': settingsAction,
  'app/users/security/actions.ts#changePasswordAction': settingsAction,
  'app/users/security/actions.ts#endSessionAction': settingsAction,
  'app/users/security/actions.ts#endOtherSessionsAction': settingsAction,
  'app/users/account/delete/actions.ts#deleteAccountAction': settingsAction,
  'app/admin/sms/actions.ts#filterSmsAction': adminAction,
  'app/admin/numbers/actions.ts#releaseNumberAction': adminAction,
  'app/dev/phone/actions.ts#answerAction': developmentAction,
  'app/dev/phone/actions.ts#reportAction': developmentAction,
};
