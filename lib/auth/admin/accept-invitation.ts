import type { Role } from '@/db/schema/accounts';
import type { Db, Tx } from '@/db/client';
import { refuseNewPassword } from '@/lib/accounts/new-password';
import { emailKey } from '@/lib/accounts/email';
import { isOpenAdmin, lockUsers } from '@/lib/accounts/lock-users';
import { mintLoginGrant } from '@/lib/accounts/login-grants';
import { hashPassword } from '@/lib/accounts/password';
import type { PasswordRefusal } from '@/lib/accounts/password-strength';
import { findUser, findUserByEmail, insertUser, lockEmail, type User } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import { networkOf } from '@/lib/client-address';
import { findConsentedPhones } from '@/lib/consent/ledger';
import type { RequestContext } from '@/lib/context';
import { endClaims, endInvitations, readLink, spendLink, type LinkRefusal } from '@/lib/mail/links';
import { isId, newId } from '@/lib/random';
import { takeAddressHit } from '@/lib/rate-limits/by-address';
import { lockPerson } from '@/lib/sms/numbers/lock-person';
import { createPreferences } from '@/lib/sms/preferences/preferences';
import { canBeClosed, closeUnproven } from '@/lib/auth/registration/close-unproven';
import { issueMark } from '@/lib/auth/sign-in/known-browser';

/** `inviter_gone`: the admin who sent it is none any more. `email_taken`: the address has an account of its owner by now. */
export type InvitationRefusal = LinkRefusal | 'inviter_gone' | 'email_taken';

export type Invitation = {
  linkId: string;
  email: string;
  name: string;
  role: Role;
  reason: string | null;
  invitedBy: string;
};

const roles: readonly Role[] = ['applicant', 'broker', 'staff', 'admin'];

/** The open invitation that a mail's link names. In: its token as it came, whatever it is. */
export async function readInvitation(
  db: Db,
  token: string,
  now: Date,
): Promise<{ ok: true; invitation: Invitation } | { ok: false; reason: InvitationRefusal }> {
  const read = await readLink(db, token, ['invite'], now);
  if (!read.ok) return read;
  const { id: linkId, email, details } = read.link;
  const { name, reason, invitedBy } = details;
  const role = roles.find((known) => known === details.role);
  if (role === undefined) return { ok: false, reason: 'unknown' };
  const inviter = invitedBy && isId(invitedBy) ? await findUser(db, invitedBy) : null;
  if (inviter === null || !isOpenAdmin(inviter)) return { ok: false, reason: 'inviter_gone' };
  const holder = await findUserByEmail(db, email);
  if (holder !== null && !mayMakeWay(holder)) return { ok: false, reason: 'email_taken' };
  return {
    ok: true,
    invitation: { linkId, email, name: name ?? '', role, reason: reason ?? null, invitedBy: inviter.id },
  };
}

export type AcceptRefusal =
  | { reason: 'invitation'; why: InvitationRefusal }
  | { reason: 'password'; why: PasswordRefusal }
  | { reason: 'busy' }
  | { reason: 'too_many_requests'; retryAt: Date };

/**
 * Opens the account that someone was invited to: active, with its role, and with its email proven, since the link came by mail.
 * An applicant's account at that email that nobody proved is closed, as when the owner of the email claims it. Whoever sent the
 * invitation must be an open admin still.
 *
 * Out: a login grant, and a mark for the browser in which the password was chosen.
 */
export async function acceptInvitation(
  db: Db,
  {
    token,
    name,
    password,
    timeZone,
  }: { token: string; name: string; password: string; timeZone: string | null },
  context: RequestContext,
): Promise<{ ok: true; grant: string; mark: string } | ({ ok: false } & AcceptRefusal)> {
  const { now } = context;
  const coarse = await takeAddressHit(db, 'register', context.address, now);
  if (!coarse.ok) return { ok: false, reason: 'too_many_requests', retryAt: coarse.retryAt };
  const read = await readInvitation(db, token, now);
  if (!read.ok) return { ok: false, reason: 'invitation', why: read.reason };
  const { email, role } = read.invitation;
  const why = await refuseNewPassword(password, { email, name });
  if (why !== null) return { ok: false, reason: 'password', why };
  const hash = await hashPassword(password, networkOf(context.address));
  if (!hash.ok) return { ok: false, reason: 'busy' };
  return db.transaction(async (tx) => {
    const refused = await makeWay(tx, read.invitation, context);
    if (refused !== null) return { ok: false as const, reason: 'invitation' as const, why: refused };
    const userId = newId();
    await insertUser(tx, {
      id: userId,
      email,
      name,
      role,
      passwordHash: hash.value,
      phone: null,
      active: true,
      emailProven: true,
      now,
    });
    await createPreferences(tx, { userId, enabled: false, timeZone, now });
    await recordInvited(tx, userId, read.invitation, context);
    const mark = issueMark({ id: userId, emailKey: emailKey(email), passwordChangedAt: now }, now);
    return { ok: true as const, mark, ...(await mintLoginGrant(tx, userId, now)) };
  });
}

/** Uses the invitation up and frees its email, where all is as it was still; else says what is not. */
async function makeWay(
  tx: Tx,
  { linkId, email, invitedBy }: Invitation,
  context: RequestContext,
): Promise<InvitationRefusal | null> {
  await lockEmail(tx, email);
  const found = await findUserByEmail(tx, email);
  if (found === null) await lockUsers(tx, [invitedBy]);
  else {
    const phones = await findConsentedPhones(tx, found.id);
    await lockPerson(tx, found.id, phones, () => lockUsers(tx, [found.id, invitedBy]));
  }
  // As they are under their locks.
  const inviter = await findUser(tx, invitedBy);
  if (inviter === null || !isOpenAdmin(inviter)) return 'inviter_gone';
  const holder = await findUserByEmail(tx, email);
  if (holder !== null && !mayMakeWay(holder)) return 'email_taken';
  if (!(await spendLink(tx, linkId, context.now))) return 'used';
  await endInvitations(tx, email, context.now);
  await endClaims(tx, email, context.now);
  if (holder !== null) await closeUnproven(tx, holder, 'account_claimed', context);
  return null;
}

function mayMakeWay(holder: User): boolean {
  return canBeClosed(holder) && holder.deactivatedAt === null;
}

/** Two entries about the new account: who invited it and why, without an address, and that it was accepted, from where. */
async function recordInvited(
  tx: Tx,
  userId: string,
  { role, reason, invitedBy }: Invitation,
  context: RequestContext,
): Promise<void> {
  const invited = { action: 'account_invited', userId, actorId: invitedBy } as const;
  await recordAudit(
    tx,
    { ...invited, details: { role, reason } },
    { ...context, address: 'unknown', userAgent: null },
  );
  await recordAudit(tx, { action: 'invitation_accepted', userId, details: { role } }, context);
}
