import type { AccountChangeRefusal } from '@/lib/auth/admin/manage-account';
import { sessionOver } from '@/app/users/password-words';

/** Why nothing was done to an account. */
export const refusalWords: Record<Exclude<AccountChangeRefusal['reason'], 'confirm_first'>, string> = {
  not_open: sessionOver,
  gone: 'This account is gone. Nothing was changed.',
  self: 'Nobody does this to their own account. Ask another admin.',
  not_admin: 'You are no longer an admin. Nothing was changed.',
  deactivated: 'This account is deactivated. Nothing was changed.',
  deactivated_already: 'This account is deactivated already. Nothing was changed.',
  not_deactivated: 'This account is not deactivated. Nothing was changed.',
  same_role: 'This person has that role already. Nothing was changed.',
  last_admin: 'This is the last admin who can sign in. Make another one first.',
  email_unproven:
    'Nobody has confirmed that this email is theirs, so the account may be a stranger’s. Once they have confirmed it, you can give it this role.',
  not_active: 'This account is not open yet. Nothing was changed.',
  holds_none: 'This person holds no second factor. Nothing was changed.',
  lacks_none: 'This person lacks no second factor. Nothing was changed.',
  recovered_lately:
    'This person’s password was reset within the last 72 hours, perhaps by someone else who reads their mail or their texts. Nothing was changed. Make sure who they are, and ask again later, or have the operator run npm run reset-factors.',
  not_reached:
    'Neither an email nor a text reaches this person: their email is not confirmed, or this site sends no mail, and they have no verified phone that takes texts. Nothing was changed. Make sure who they are, then ask the operator to run npm run reset-factors.',
  email_released:
    'The owner of the email had this account closed, so it cannot be opened again. Invite the person instead.',
};

/** What to do with a link that no mail carries. */
export const handOn =
  'It is done. No email reaches this person, so give them this link yourself, and to nobody else. With their password, it lets them set up a second factor. It works once, for 24 hours, and is shown only now.';

/** What was done, as the page says it afterwards. */
export const savedWords: ReadonlyMap<string, string> = new Map([
  ['role', 'The role was changed. The person was signed out everywhere.'],
  [
    'role_mail',
    'The role was changed. The person was signed out everywhere. They hold no second factor yet: a link to set it up is on its way to them by email.',
  ],
  [
    'factors_mail',
    'An email is on its way to the person. Their second factors are removed once they follow its link and enter their password.',
  ],
  [
    'factors_text',
    'No email reaches the person, so a text is on its way to their verified phone. Their second factors are removed once they follow its link and enter their password.',
  ],
  ['enroll_link_mail', 'A link to set up a second factor is on its way to the person by email.'],
  ['deactivated', 'The account is deactivated. The person was signed out everywhere.'],
  ['reactivated', 'The account is open again. The person can sign in with their password.'],
  ['sessions', 'The person was signed out everywhere.'],
  ['unlocked', 'The password tries were reset, and codes work again.'],
]);
