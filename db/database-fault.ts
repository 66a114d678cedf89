import { isPreparedLost } from '@/db/prepared-statements';

/**
 * Whether a statement failed for a reason that lies in the database as a whole, or in what others do there, and not in the
 * statement: no connection, a connection lost, a lock or an answer waited for too long, a deadlock, no room, a shutdown, a prepared statement lost.
 * The same statement may well succeed a moment later. By class of SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html).
 */
export function isDatabaseFault(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') {
      if (isPreparedLost(at)) return true;
      return /^(?:08|40|53|57|58)[0-9A-Z]{3}$|^55P03$|^E[A-Z]+$/.test(at.code);
    }
    if (lostConnection.test(at.message)) return true;
  }
  return false;
}

/** Whether PostgreSQL cut a statement off because it took too long. */
export function isStatementTimeout(error: unknown): boolean {
  return hasCode(error, '57014');
}

/** Whether a statement gave up waiting for what someone else holds. */
export function isLockTimeout(error: unknown): boolean {
  return hasCode(error, '55P03');
}

function hasCode(error: unknown, code: string): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if ('code' in at && at.code === code) return true;
  }
  return false;
}

/** What pg says of its own, without a code. */
const lostConnection =
  /^(?:Connection terminated|Query read timeout|timeout exceeded when trying to connect|timeout expired|Client was closed|Client has encountered a connection error|PostgreSQL no longer answers)/;
