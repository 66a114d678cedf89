/**
 * Who comes: nobody in particular, someone whose account waits for its verification, a broker who has given the password and not
 * the second factor, staff signed in who have none to give yet, and one signed in of each role. The applicant's number is not
 * verified; the others have none.
 */
export const visitors = [
  'nobody',
  'pending',
  'halfway',
  'enrolling',
  'applicant',
  'broker',
  'staff',
  'admin',
] as const;
export type Visitor = (typeof visitors)[number];

/** What a page or route answers. */
export type RouteAnswer =
  | 'shown'
  /** Led to the sign-in page, and back afterwards. */
  | 'sign_in'
  /** Led to where a second factor is set up. */
  | 'enroll'
  /** Led to where the page is now. */
  | 'moved'
  /** Led inside, for there is nothing to do here. */
  | 'inside'
  | 'unauthorized'
  | 'forbidden'
  /** There is nothing to tell (204). */
  | 'nothing'
  | 'not_found';

/** What a server action answers. */
export type ActionAnswer =
  /** It did, or refused, what was asked for: this visitor may ask. */
  | 'heard'
  | 'sign_in'
  | 'enroll'
  /** The form stays and says that nobody is signed in. */
  | 'told'
  | 'forbidden';

export type Row<Answer> = Record<Visitor, Answer>;

const everyone = <Answer>(answer: Answer): Row<Answer> => ({
  nobody: answer,
  pending: answer,
  halfway: answer,
  enrolling: answer,
  applicant: answer,
  broker: answer,
  staff: answer,
  admin: answer,
});

/**
 * Only with a session: `answer` for the others, a pending verification and a password alone being none. Nor is a session that has
 * to set up a second factor first, which is answered as `enrolling` says.
 */
const signedIn = <Answer>(shown: Answer, answer: Answer, enrolling: Answer = answer): Row<Answer> => ({
  ...everyone(shown),
  nobody: answer,
  pending: answer,
  halfway: answer,
  enrolling,
});

const anyone = everyone<RouteAnswer>('shown');
const onlySignedIn = signedIn<RouteAnswer>('shown', 'sign_in', 'enroll');
const onlyEnrolling = signedIn<RouteAnswer>('shown', 'sign_in', 'shown');
const onlySignedOut = signedIn<RouteAnswer>('inside', 'shown');
const onlyTwilio = everyone<RouteAnswer>('forbidden');
const onlyAdmins: Row<RouteAnswer> = {
  ...signedIn<RouteAnswer>('forbidden', 'sign_in', 'enroll'),
  admin: 'shown',
};

const onlyApplicants: Row<RouteAnswer> = {
  ...signedIn<RouteAnswer>('forbidden', 'sign_in', 'enroll'),
  applicant: 'shown',
};
const onlyStaffPages = signedIn<RouteAnswer>('not_found', 'sign_in', 'enroll');

/** Every page and route handler, and what each visitor gets there. */
export const routeTable: Record<string, Row<RouteAnswer>> = {
  'GET /': onlySignedOut,
  'GET /terms': anyone,
  'GET /privacy': anyone,
  'GET /brand/icon': anyone,
  'GET /favicon.ico': anyone,
  'GET /brand/social': anyone,
  // There is none without SITE_LOGO; with one it is anyone's (e2e/once/public.spec.ts).
  'GET /brand/logo': everyone<RouteAnswer>('not_found'),
  'GET /api/health': anyone,
  'GET /api/ready': anyone,
  // On this machine; METRICS_TOKEN and a public APP_URL change that (tests/app/metrics.test.ts).
  'GET /api/metrics': anyone,
  'GET /users/login': onlySignedOut,
  'GET /users/login/second-factor': { ...everyone<RouteAnswer>('sign_in'), halfway: 'shown' },
  'GET /users/login/passkey': anyone,
  'GET /users/enroll': anyone,
  'GET /users/register/applicant': onlySignedOut,
  'GET /users/confirm-email': anyone,
  'GET /users/invite': anyone,
  'GET /users/forgot-password': anyone,
  'GET /users/reset-password': anyone,
  'GET /users/profile': onlySignedIn,
  'GET /users/profile/new-email': anyone,
  'GET /users/not-me': anyone,
  'GET /users/verify-phone': { ...signedIn<RouteAnswer>('shown', 'sign_in', 'shown'), pending: 'shown' },
  'GET /users/verify-phone/status': {
    ...everyone<RouteAnswer>('nothing'),
    pending: 'shown',
    applicant: 'shown',
  },
  'GET /dashboard': onlySignedIn,
  'GET /applications': onlySignedIn,
  'GET /applications/new': onlyApplicants,
  // Nobody has the id that is in its path here.
  'GET /applications/[id]': onlyStaffPages,
  'GET /users/sms-preferences': onlySignedIn,
  'GET /users/sms-preferences/preview': signedIn<RouteAnswer>('shown', 'unauthorized'),
  'GET /users/sms-preferences/record': onlySignedIn,
  'GET /users/sms-preferences/record/download': signedIn<RouteAnswer>('shown', 'sign_in'),
  'GET /users/security': onlySignedIn,
  'GET /users/security/two-factor': onlyEnrolling,
  'GET /users/security/confirm': onlyEnrolling,
  'GET /users/account/export': signedIn<RouteAnswer>('shown', 'sign_in'),
  'GET /users/account/delete': onlySignedIn,
  'GET /users/account/deleted': anyone,
  'GET /admin': onlyAdmins,
  'GET /admin/report.csv': { ...onlyAdmins, admin: 'not_found' },
  'GET /admin/alarms': onlyAdmins,
  'GET /admin/sender': onlyAdmins,
  'GET /admin/limits': onlyAdmins,
  'GET /admin/pumping': onlyAdmins,
  'GET /admin/sms': { ...onlyAdmins, admin: 'moved' },
  'GET /admin/messages': onlyAdmins,
  // Nobody has the id that is in its path here.
  'GET /admin/messages/[id]': { ...onlyAdmins, admin: 'not_found' },
  'GET /admin/verifications': onlyAdmins,
  'GET /admin/exports': onlyAdmins,
  // Nobody has the id that is in its path here.
  'GET /admin/exports/[id]/file': { ...onlyAdmins, admin: 'not_found' },
  'GET /admin/packs': onlyAdmins,
  'GET /admin/packs/[id]/file': { ...onlyAdmins, admin: 'not_found' },
  'GET /admin/numbers': onlyAdmins,
  // Nobody has the ids that are in these paths here.
  'GET /admin/phones/[id]': { ...onlyAdmins, admin: 'not_found' },
  'GET /admin/users/[id]/texts': { ...onlyAdmins, admin: 'not_found' },
  'GET /admin/users': onlyAdmins,
  'GET /admin/users/invite': onlyAdmins,
  'GET /admin/users/second-factor': onlyAdmins,
  // Nobody has the id that is in its path here.
  'GET /admin/users/[id]': { ...onlyAdmins, admin: 'not_found' },
  'GET /staff/opt-outs': { ...onlySignedIn, applicant: 'forbidden' },
  'GET /staff/applications': { ...onlySignedIn, applicant: 'forbidden' },
  'GET /staff/applications/new': { ...onlyAdmins, staff: 'shown' },
  // Nobody has the id that is in its path here.
  'GET /staff/applications/[id]': { ...onlyStaffPages, applicant: 'forbidden' },
  'GET /staff/bulk': { ...onlyAdmins, staff: 'shown' },
  // Nobody has the ids that are in these paths here.
  'GET /staff/bulk/[id]': { ...onlyAdmins, staff: 'not_found', admin: 'not_found' },
  'GET /staff/bulk/[id]/missing': { ...onlyAdmins, staff: 'not_found', admin: 'not_found' },
  'GET /users/webhook/twilio': onlyTwilio,
  'GET /users/webhook/twilio/inbound': onlyTwilio,
  'POST /users/webhook/twilio': onlyTwilio,
  'POST /users/webhook/twilio/inbound': onlyTwilio,
  // With the console backend on localhost; anywhere else it does not exist.
  'GET /dev/phone': anyone,
  'GET /dev/phone/texts': anyone,
  'GET /dev/mail': anyone,
};

/** Routes that show what belongs to everyone, by design. */
export const developmentRoutes = ['GET /dev/phone', 'GET /dev/phone/texts', 'GET /dev/mail'];

/** Routes that show an admin who has an account, by design; nobody's whole number. */
export const peopleRoutes = ['GET /admin/users', 'GET /admin/users/second-factor'];

/**
 * What comes first in an action and decides who may ask. `null`: everyone may, for it is how one gets in or out.
 */
export type Guard =
  | 'requireUser'
  | 'requireRole'
  | 'requireProver'
  | 'requireFirstStep'
  | 'requireDevPhone'
  | 'readActor'
  | 'readEnrollingActor'
  | null;

const publicAction = { guard: null, answers: everyone<ActionAnswer>('heard') } as const;
const developmentAction = { guard: 'requireDevPhone', answers: everyone<ActionAnswer>('heard') } as const;
const proverAction = {
  guard: 'requireProver',
  // Codes by text may be the second factor that is to be set up, for which the number is verified first.
  answers: { ...signedIn<ActionAnswer>('heard', 'sign_in', 'heard'), pending: 'heard' },
} as const;
const adminAction = {
  guard: 'requireRole',
  answers: { ...signedIn<ActionAnswer>('forbidden', 'sign_in', 'enroll'), admin: 'heard' },
} as const;
const staffAction = { guard: 'requireRole', answers: { ...adminAction.answers, staff: 'heard' } } as const;
const operatorAction = {
  guard: 'requireRole',
  answers: { ...staffAction.answers, broker: 'heard' },
} as const;
const settingsAction = { guard: 'readActor', answers: signedIn<ActionAnswer>('heard', 'told') } as const;
const applicantAction = {
  guard: 'readActor',
  answers: {
    ...signedIn<ActionAnswer>('heard', 'told'),
    broker: 'forbidden',
    staff: 'forbidden',
    admin: 'forbidden',
  },
} as const;
const operatorsWords = {
  guard: 'readActor',
  answers: { ...signedIn<ActionAnswer>('heard', 'told'), applicant: 'forbidden' },
} as const;
const staffsWords = {
  ...operatorsWords,
  answers: { ...operatorsWords.answers, broker: 'forbidden' },
} as const;
const secondStepAction = {
  guard: 'requireFirstStep',
  answers: { ...everyone<ActionAnswer>('sign_in'), halfway: 'heard' },
} as const;
const factorsAction = {
  guard: 'readEnrollingActor',
  answers: signedIn<ActionAnswer>('heard', 'told', 'heard'),
} as const;

/** Every server action, its guard, and what each visitor is answered. */
export const actionTable: Record<string, { guard: Guard; answers: Row<ActionAnswer> }> = {
  'app/users/login/actions.ts#signInAction': publicAction,
  'app/users/login/actions.ts#signOutAction': publicAction,
  'app/users/login/second-factor/actions.ts#giveCodeAction': secondStepAction,
  'app/users/login/second-factor/actions.ts#giveRecoveryCodeAction': secondStepAction,
  'app/users/login/second-factor/actions.ts#givePasskeyAction': secondStepAction,
  'app/users/login/second-factor/actions.ts#textCodeAction': secondStepAction,
  'app/users/login/passkey/actions.ts#signInByPasskeyAction': publicAction,
  'app/users/enroll/actions.ts#enrollAction': publicAction,
  'app/users/register/applicant/actions.ts#registerAction': publicAction,
  'app/users/confirm-email/actions.ts#confirmEmailAction': publicAction,
  'app/users/confirm-email/actions.ts#disownAccountAction': publicAction,
  'app/users/invite/actions.ts#acceptInvitationAction': publicAction,
  'app/users/forgot-password/actions.ts#forgotPasswordAction': publicAction,
  'app/users/reset-password/actions.ts#resetPasswordAction': publicAction,
  'app/users/not-me/actions.ts#notMeAction': publicAction,
  'app/users/profile/new-email/actions.ts#takeNewEmailAction': settingsAction,
  'app/users/profile/actions.ts#changeNameAction': settingsAction,
  'app/users/profile/actions.ts#changeEmailAction': settingsAction,
  'app/users/verify-phone/actions.ts#checkCodeAction': proverAction,
  'app/users/verify-phone/actions.ts#sendAgainAction': proverAction,
  'app/users/verify-phone/actions.ts#replaceNumberAction': proverAction,
  'app/users/verify-phone/actions.ts#continueWithoutAction': proverAction,
  'app/dashboard/actions.ts#startVerificationAction': {
    guard: 'requireUser',
    answers: signedIn<ActionAnswer>('heard', 'sign_in', 'enroll'),
  },
  'app/dashboard/actions.ts#sendProofAction': settingsAction,
  'app/dashboard/passkey-actions.ts#acceptPasskeyAction': settingsAction,
  'app/dashboard/passkey-actions.ts#declinePasskeyAction': settingsAction,
  'app/applications/actions.ts#saveApplicationAction': applicantAction,
  'app/applications/actions.ts#withdrawApplicationAction': applicantAction,
  'app/applications/actions.ts#answerApplicationAction': applicantAction,
  'app/users/sms-preferences/phone-actions.ts#addPhoneAction': settingsAction,
  'app/users/sms-preferences/phone-actions.ts#verifyPhoneAction': settingsAction,
  'app/users/sms-preferences/phone-actions.ts#changePhoneAction': settingsAction,
  'app/users/sms-preferences/phone-actions.ts#removePhoneAction': settingsAction,
  'app/users/sms-preferences/phone-actions.ts#keepNumberAction': settingsAction,
  'app/users/sms-preferences/quiet-hours-actions.ts#saveQuietHoursAction': settingsAction,
  'app/users/sms-preferences/texts-actions.ts#saveTextsAction': settingsAction,
  'app/users/sms-preferences/texts-actions.ts#sendTestTextAction': settingsAction,
  'app/users/stay-signed-in.ts#staySignedInAction': factorsAction,
  'app/users/security/actions.ts#changePasswordAction': settingsAction,
  'app/users/security/actions.ts#endSessionAction': settingsAction,
  'app/users/security/actions.ts#endOtherSessionsAction': settingsAction,
  'app/users/security/two-factor/actions.ts#addPasskeyAction': factorsAction,
  'app/users/security/two-factor/actions.ts#removePasskeyAction': factorsAction,
  'app/users/security/two-factor/actions.ts#beginTotpAction': factorsAction,
  'app/users/security/two-factor/actions.ts#finishTotpAction': factorsAction,
  'app/users/security/two-factor/actions.ts#removeTotpAction': factorsAction,
  'app/users/security/two-factor/actions.ts#beginRecoveryCodesAction': factorsAction,
  'app/users/security/two-factor/actions.ts#finishRecoveryCodesAction': factorsAction,
  'app/users/security/two-factor/actions.ts#endTrustAction': factorsAction,
  'app/users/security/confirm/actions.ts#confirmCodeAction': factorsAction,
  'app/users/security/confirm/actions.ts#confirmRecoveryCodeAction': factorsAction,
  'app/users/security/confirm/actions.ts#confirmPasskeyAction': factorsAction,
  'app/users/security/confirm/actions.ts#confirmPasswordAction': factorsAction,
  'app/users/security/confirm/actions.ts#textConfirmationAction': factorsAction,
  'app/users/security/two-factor/sms-actions.ts#addFactorPhoneAction': factorsAction,
  'app/users/security/two-factor/sms-actions.ts#beginSmsAction': factorsAction,
  'app/users/security/two-factor/sms-actions.ts#finishSmsAction': factorsAction,
  'app/users/security/two-factor/sms-actions.ts#removeSmsAction': factorsAction,
  'app/users/account/delete/actions.ts#deleteAccountAction': settingsAction,
  'app/admin/alarms/actions.ts#acknowledgeAction': adminAction,
  'app/admin/pumping/actions.ts#orderPumpingAction': adminAction,
  'app/admin/pumping/actions.ts#endPumpingOrderAction': adminAction,
  'app/admin/messages/actions.ts#searchMessagesAction': adminAction,
  'app/admin/verifications/actions.ts#searchVerificationsAction': adminAction,
  'app/admin/exports/actions.ts#startExportAction': adminAction,
  'app/admin/exports/actions.ts#removeExportAction': adminAction,
  'app/admin/packs/actions.ts#startPackAction': adminAction,
  'app/admin/packs/actions.ts#removePackAction': adminAction,
  'app/admin/numbers/actions.ts#releaseNumberAction': adminAction,
  'app/staff/opt-outs/actions.ts#recordOptOutAction': operatorAction,
  'app/staff/applications/actions.ts#searchApplicationsAction': operatorAction,
  'app/staff/applications/actions.ts#saveUndoTimeAction': operatorAction,
  'app/staff/applications/new/actions.ts#openApplicationAction': staffsWords,
  'app/staff/applications/[id]/actions.ts#moveApplicationAction': operatorsWords,
  'app/staff/applications/[id]/actions.ts#undoMoveAction': operatorAction,
  'app/staff/applications/[id]/actions.ts#assignApplicationAction': staffAction,
  'app/staff/applications/[id]/actions.ts#addNoteAction': operatorsWords,
  'app/staff/bulk/actions.ts#draftBulkMoveAction': staffAction,
  'app/staff/bulk/actions.ts#aimBulkMoveAction': staffsWords,
  'app/staff/bulk/actions.ts#startBulkMoveAction': staffAction,
  'app/staff/bulk/actions.ts#pauseBulkMoveAction': staffAction,
  'app/staff/bulk/actions.ts#stopBulkMoveAction': staffAction,
  'app/staff/bulk/actions.ts#draftMissingAction': staffAction,
  'app/admin/find-actions.ts#findAction': adminAction,
  'app/admin/phones/actions.ts#revealNumberAction': adminAction,
  'app/admin/users/[id]/actions.ts#revealPersonAction': adminAction,
  'app/admin/users/actions.ts#searchPeopleAction': adminAction,
  'app/admin/users/invite/actions.ts#inviteAction': adminAction,
  'app/admin/users/invite/actions.ts#withdrawAction': adminAction,
  'app/admin/users/[id]/actions.ts#changeRoleAction': adminAction,
  'app/admin/users/[id]/actions.ts#deactivateAction': adminAction,
  'app/admin/users/[id]/actions.ts#reactivateAction': adminAction,
  'app/admin/users/[id]/actions.ts#endSessionsAction': adminAction,
  'app/admin/users/[id]/actions.ts#unlockAction': adminAction,
  'app/admin/users/[id]/actions.ts#resetFactorsAction': adminAction,
  'app/admin/users/[id]/actions.ts#sendEnrollLinkAction': adminAction,
  'app/admin/users/second-factor/actions.ts#setGraceAction': adminAction,
  'app/dev/phone/actions.ts#answerAction': developmentAction,
  'app/dev/phone/actions.ts#reportAction': developmentAction,
};
