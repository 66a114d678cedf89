import { drizzle } from 'drizzle-orm/node-postgres';
import { inArray } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPool, type Db } from '@/db/client';
import { rateLimits } from '@/db/schema/accounts';
import type { SessionUser } from '@/lib/accounts/sessions';
import { deleteAccount } from '@/lib/auth/ending/delete-account';
import { requestEmailChange } from '@/lib/auth/settings/change-email';
import { changeName } from '@/lib/auth/settings/change-name';
import { changePassword } from '@/lib/auth/settings/change-password';
import { changePhoneByPassword, removePhoneByPassword } from '@/lib/auth/settings/change-phone-by-password';
import { beginRecoveryCodes, beginTotp, dropTotp } from '@/lib/auth/two-factor/enrollment';
import { limitKeys, type LimitKeys } from '@/lib/rate-limits/hits';
import type { SettingsKind } from '@/lib/rate-limits/by-account';
import { saveQuietHours } from '@/lib/sms/preferences/save-quiet-hours';
import { saveTexts } from '@/lib/sms/preferences/text-switches';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, newEmail, newPhone, noon } from '@/tests/support/people';
import { giveSettledPerson, password, readSessionOf } from '@/tests/support/settled-person';
import type { Phone } from '@/lib/phone/parse';

const database = useDatabase();
const context = contextAt(after(noon, 60));

/** A pool like that of the web server that has less patience. */
let pool: ReturnType<typeof openPool>;
let app: Db;
beforeAll(() => {
  pool = openPool(database.url, { lockTimeoutMs: 200 });
  app = drizzle(pool);
});
afterAll(() => pool.end());

const hours = {
  quietHoursEnabled: true,
  quietHoursStart: '20:00',
  quietHoursEnd: '08:00',
  timeZone: null,
  version: 1,
};
const switches = { enabled: true, applicationStatus: false, reminders: false, security: false };

const acts: Record<string, (db: Db, user: SessionUser) => Promise<{ ok: boolean }>> = {
  'an authenticator app begun': (db, user) => beginTotp(db, user, context),
  'an authenticator app removed': (db, user) => dropTotp(db, user, context),
  'recovery codes begun': (db, user) => beginRecoveryCodes(db, user, context),
  'another name': (db, { userId }) => changeName(db, userId, 'Another Name', context),
  'another email': (db, user) =>
    requestEmailChange(db, user, { email: newEmail(), currentPassword: password }, context),
  'another password': (db, user) =>
    changePassword(db, user, { currentPassword: password, newPassword: 'violet otter cactus' }, context),
  'another number': (db, user) => {
    const wish = { phone: newPhone() as Phone, currentPassword: password };
    return changePhoneByPassword(db, user, wish, context);
  },
  'no number': (db, user) => removePhoneByPassword(db, user, { currentPassword: password }, context),
  'quiet hours': (db, user) => saveQuietHours(db, user, hours, context),
  'other texts': (db, user) => saveTexts(db, user, { switches, version: 1, agreed: false }, context),
  'no account': (db, user) =>
    deleteAccount(db, user, { currentPassword: password, confirmed: true }, context),
};

const kinds: readonly SettingsKind[] = ['preferences', 'phone', 'password', 'factors', 'name'];

test.each(Object.keys(acts))(
  'who asks for %s while others hold the account is told that it is busy, and it does not count',
  async (what) => {
    const person = await giveSettledPerson(database.db, { factor: true });
    const user = await readSessionOf(database.db, person, after(noon, 60));
    const holder = await database.pool.connect();
    try {
      await holder.query('begin');
      await holder.query('select from users where id = $1 for update', [user.userId]);
      await holder.query('select from sms_preferences where user_id = $1 for update', [user.userId]);
      expect(await acts[what]!(app, user)).toEqual({ ok: false, reason: 'busy' });
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    const keys = kinds.flatMap((kind): LimitKeys => limitKeys('settings', [kind, user.userId]));
    const counts = await database.db.select().from(rateLimits).where(inArray(rateLimits.key, keys));
    expect(counts.flatMap(({ hits }) => hits)).toEqual([]);
    expect(await acts[what]!(app, user)).toMatchObject({ ok: true });
  },
);

test('of ten who change the factors of one account at once none fails, whatever the others wait for', async () => {
  const user = await readSessionOf(database.db, await giveSettledPerson(database.db, { factor: true }), noon);
  const holder = await database.pool.connect();
  try {
    await holder.query('begin');
    await holder.query('select from users where id = $1 for no key update', [user.userId]);
    const answers = await Promise.all(Array.from({ length: 10 }, () => dropTotp(app, user, contextAt(noon))));
    expect(answers).toEqual(Array(10).fill({ ok: false, reason: 'busy' }));
  } finally {
    await holder.query('rollback');
    holder.release();
  }
});
