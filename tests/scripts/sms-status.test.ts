import { eq } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { phoneNumbers } from '@/db/schema/sms';
import { readPersonSms } from '@/lib/reporting/person-sms';
import { lockNumber } from '@/lib/sms/numbers/number';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { describePersonSms } from '../../scripts/commands/sms-status';
import { useDatabase } from '../support/database';
import { givePending, givePerson, newPhone, noon } from '../support/people';
import { runScript } from './support/run-script';

const database = useDatabase();
const ask = (email: string) => runScript('sms-status', [email], { DATABASE_URL: database.url });

describe('the command', () => {
  test('prints six lines about a person with a proven number', async () => {
    const phone = newPhone();
    const { email, userId } = await givePerson(database.db, { active: true, phone, enabled: true });
    await database.db.transaction((tx) => lockNumber(tx, phone));
    await database.db
      .update(phoneNumbers)
      .set({ holderUserId: userId })
      .where(eq(phoneNumbers.number, phone));
    expect(await ask(email.toUpperCase())).toEqual({
      code: 0,
      out: [
        `Phone: ${phone}`,
        'Verified: yes',
        'SMS enabled: yes',
        "Quiet hours: 20:00-09:00 in the number's time zone",
        'Last text: none',
        'Last attempt: none',
        'Last opt-out: none',
        '',
      ].join('\n'),
      err: '',
    });
  });

  test('an unknown email is one line on standard error and code 1', async () => {
    expect(await ask('nobody@example.com')).toEqual({
      code: 1,
      out: '',
      err: 'No account has the email nobody@example.com.\n',
    });
  });

  test('no email at all is one line and code 1', async () => {
    const { code, out, err } = await runScript('sms-status', [], { DATABASE_URL: database.url });
    expect({ code, out, err }).toEqual({
      code: 1,
      out: '',
      err: 'Usage: npm run sms-status -- name@example.com\n',
    });
  });
});

describe('what it says', () => {
  test('the last text and attempt, and never a code', async () => {
    const phone = newPhone();
    const { userId, code } = await givePending(database.db, phone);
    const { rows } = await database.pool.query<{ email: string }>('select email from users where id = $1', [
      userId,
    ]);
    const said = describePersonSms((await readPersonSms(database.db, rows[0]!.email))!);
    expect(said.split('\n')).toEqual([
      `Phone: ${phone}`,
      'Verified: no',
      'SMS enabled: no',
      "Quiet hours: 20:00-09:00 in the number's time zone",
      `Last text: ${noon.toISOString()} verification queued`,
      `Last attempt: ${noon.toISOString()} send_requested`,
      'Last opt-out: none',
    ]);
    expect(said).not.toContain(code);
  });

  test('texts are not enabled while the number is stopped', async () => {
    const phone = newPhone();
    const { email } = await givePerson(database.db, { active: true, phone, enabled: true });
    await database.db.transaction((tx) => optOut(tx, { phone, by: 'sms_stop', now: noon }));
    expect(describePersonSms((await readPersonSms(database.db, email))!)).toContain('SMS enabled: no');
  });

  test('someone without a phone and quiet hours has none', () => {
    const person = {
      phone: null,
      verified: false,
      stopped: null,
      enabled: false,
      quietHours: null,
      lastText: { at: noon, purpose: 'update', status: 'failed', reason: 'no_consent' },
      lastAttempt: null,
      lastOptOut: { at: noon, act: 'opted_out', channel: 'text', words: 'no more' },
    } as const;
    expect(describePersonSms(person)).toBe(
      [
        'Phone: none',
        'Verified: no',
        'SMS enabled: no',
        'Quiet hours: off',
        `Last text: ${noon.toISOString()} update failed (no_consent)`,
        'Last attempt: none',
        `Last opt-out: ${noon.toISOString()} opted_out by text ("no more")`,
      ].join('\n'),
    );
  });
});
