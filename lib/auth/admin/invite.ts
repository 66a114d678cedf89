import type { Role } from '@/db/schema/accounts';
import type { Db } from '@/db/client';
import { isOpenAdmin, lockUser } from '@/lib/accounts/lock-users';
import { findUserByEmail, lockEmail } from '@/lib/accounts/users';
import { recordAudit } from '@/lib/audit';
import type { RequestContext } from '@/lib/context';
import { takeMailHit } from '@/lib/mail/mail-limits';
import { endInvitation, endInvitations } from '@/lib/mail/links';
import { enqueueLinkMail, isMailOn } from '@/lib/mail/outbox';
import { isId } from '@/lib/random';
import { canBeClosed } from '@/lib/auth/registration/close-unproven';
import { refuseWithoutFactor, type StaleFactor } from '@/lib/auth/two-factor/confirm-identity';

type Admin = { userId: string; sessionId: string; email: string };

export type InviteRefusal =
  | StaleFactor
  | { reason: 'mail_off' | 'not_admin' }
  /** The email has an account, this one, that is its owner's. */
  | { reason: 'email_taken'; userId: string }
  | { reason: 'mail_limit'; retryAt: Date };

/**
 * Invites someone to an account with a role, by an admin who gives a reason and has shown who they are: mails a link that
 * works once, for 48 hours. An earlier invitation of the same address ends. Refused where the email has an account that is its
 * owner's; one that nobody proved is closed when the invitation is used.
 */
export async function invitePerson(
  db: Db,
  admin: Admin,
  invitation: { email: string; name: string; role: Role; reason: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & InviteRefusal)> {
  const { email, name, role, reason } = invitation;
  const { now } = context;
  if (!isMailOn()) return { ok: false, reason: 'mail_off' };
  const stale = await refuseWithoutFactor(db, admin, context.now);
  if (stale !== null) return { ok: false, ...stale };
  const counted = await takeMailHit(db, { email, address: context.address, now });
  if (!counted.ok) return { ok: false, reason: 'mail_limit', retryAt: counted.retryAt };
  const invited = await db.transaction(async (tx) => {
    await lockEmail(tx, email);
    const inviter = await lockUser(tx, admin.userId);
    const ended = await refuseWithoutFactor(tx, admin, now);
    if (ended !== null) return { ok: false as const, ...ended };
    if (inviter === null || !isOpenAdmin(inviter))
      return { ok: false as const, reason: 'not_admin' as const };
    const holder = await findUserByEmail(tx, email);
    if (holder !== null && (!canBeClosed(holder) || holder.deactivatedAt !== null)) {
      return { ok: false as const, reason: 'email_taken' as const, userId: holder.id };
    }
    await endInvitations(tx, email, now);
    const id = await enqueueLinkMail(tx, {
      purpose: 'invite',
      template: 'invitation',
      userId: null,
      email,
      details: { role, name, reason, invitedBy: inviter.id },
      params: { role },
      askedFrom: context.address,
      now,
    });
    const details = { invitation: id, role, reason };
    await recordAudit(tx, { action: 'invitation_sent', userId: null, actorId: inviter.id, details }, context);
    return { ok: true as const };
  });
  if (!invited.ok) await counted.refund();
  return invited;
}

/** Takes an open invitation back, by an admin who gives a reason and has shown who they are. `over`: it is open no more. */
export async function withdrawInvitation(
  db: Db,
  admin: Admin,
  { invitationId, reason }: { invitationId: string; reason: string },
  context: RequestContext,
): Promise<{ ok: true } | ({ ok: false } & (StaleFactor | { reason: 'over' | 'not_admin' }))> {
  return db.transaction(async (tx) => {
    const user = await lockUser(tx, admin.userId);
    const stale = await refuseWithoutFactor(tx, admin, context.now);
    if (stale !== null) return { ok: false as const, ...stale };
    if (!isId(invitationId)) return { ok: false as const, reason: 'over' as const };
    if (user === null || !isOpenAdmin(user)) return { ok: false as const, reason: 'not_admin' as const };
    const ended = await endInvitation(tx, invitationId, context.now);
    if (ended === null) return { ok: false as const, reason: 'over' as const };
    const details = { invitation: invitationId, role: ended.details.role ?? null, reason };
    await recordAudit(
      tx,
      { action: 'invitation_withdrawn', userId: null, actorId: user.id, details },
      context,
    );
    return { ok: true as const };
  });
}
