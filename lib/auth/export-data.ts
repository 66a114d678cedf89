import type { Db } from '@/db/client';
import { listSessions } from '@/lib/accounts/sessions';
import { findUser } from '@/lib/accounts/users';
import { isOthersDeed, listAudit, recordAudit, shownDetails } from '@/lib/audit';
import { listReceipts } from '@/lib/consent/receipts';
import type { RequestContext } from '@/lib/context';
import { listTexts } from '@/lib/sms/history';
import { readPhoneState } from '@/lib/sms/phone-state';
import { readPreferences } from '@/lib/sms/preferences';
import { listVerifications } from '@/lib/sms/verification-log';

/**
 * All that is kept about one person, for them to take along (GDPR art. 20, CCPA 1798.100): account, phone, preferences,
 * sessions, every consent with its wording, every text, every attempt. Nothing in it opens anything: no password hash,
 * code, token or session id. Null: there is no such account.
 */
export async function exportData(db: Db, userId: string, context: RequestContext) {
  const user = await findUser(db, userId);
  if (user === null) return null;
  await recordAudit(db, { action: 'data_exported', userId }, context);
  const phone = await readPhoneState(db, { userId, phone: user.phone, phoneMovedAt: user.phoneMovedAt });
  const preferences = await readPreferences(db, userId);
  const sessions = await listSessions(db, userId, context.now);
  const verifications = await listVerifications(db, userId, null);
  const audit = await listAudit(db, userId, null);
  return {
    format: 'doorstep-export/1',
    exportedAt: context.now,
    account: {
      id: user.id,
      email: user.email,
      name: user.name,
      role: user.role,
      createdAt: user.createdAt,
      activatedAt: user.activatedAt,
      passwordChangedAt: user.passwordChangedAt,
    },
    phone: { number: user.phone, ...phone },
    preferences,
    consents: await listReceipts(db, userId),
    texts: await listTexts(db, { userId, phone: user.phone }, { limit: null }),
    verifications: verifications.map(({ at, event, reason, phone: number, address, userAgent, details }) => ({
      at,
      event,
      reason,
      phone: number,
      address,
      userAgent,
      details,
    })),
    sessions: sessions.map(({ createdAt, lastSeenAt, expiresAt, address, userAgent }) => ({
      createdAt,
      lastSeenAt,
      expiresAt,
      address,
      userAgent,
    })),
    activity: audit.map(({ at, action, actorId, address, userAgent, details }) => ({
      at,
      action,
      by: actorId === userId ? 'you' : actorId === null ? 'nobody signed in' : 'somebody else',
      // The address of somebody else is not this person's data.
      address: isOthersDeed(action) || (actorId !== null && actorId !== userId) ? null : address,
      userAgent: isOthersDeed(action) || (actorId !== null && actorId !== userId) ? null : userAgent,
      details: shownDetails(details),
    })),
  };
}
