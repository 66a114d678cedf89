import { expect, test } from 'vitest';
import { exportData } from '@/lib/auth/export-data';
import { readActivity } from '@/lib/auth/activity';
import { endOne, endOthers } from '@/lib/auth/end-sessions';
import { listSessions } from '@/lib/accounts/sessions';
import { changeNumber } from '@/lib/sms/change-number';
import { useDatabase } from '../../support/database';
import { after, contextAt, newPhone, noon, readCode, readUserRow } from '../../support/people';
import { enterCode, giveSettledPerson, openSession } from '../../support/settled-person';

const database = useDatabase();

test('an export holds everything about the person, and nothing that opens anything', async () => {
  const person = await giveSettledPerson(database.db);
  const old = person.phone!;
  const next = newPhone();
  await changeNumber(database.db, person, next, contextAt(noon));
  const code = await readCode(database.db, person.userId);
  await enterCode(database.db, person, after(noon, 60));
  const data = await exportData(database.db, person.userId, contextAt(after(noon, 120)));
  expect(data).toMatchObject({
    account: { email: person.email, name: person.name, role: 'applicant' },
    phone: { number: next, state: 'verified', stopped: false },
    preferences: { enabled: true, timeZone: 'America/New_York' },
  });
  expect(data!.consents.map(({ action, phone }) => `${action} ${phone}`).sort()).toEqual(
    [
      `granted ${next}`,
      `granted ${next}`,
      `granted ${old}`,
      `granted ${old}`,
      `withdrawn ${old}`,
      `withdrawn ${old}`,
    ].sort(),
  );
  expect(data!.texts.map((text) => text.template).sort()).toEqual([
    'optInConfirmation',
    'phoneChanged',
    'verification',
  ]);
  expect(data!.verifications.map((entry) => entry.event)).toEqual(['verified', 'send_requested']);
  expect(data!.activity.map((entry) => entry.action)).toContain('phone_changed');
  expect(data!.sessions).toHaveLength(1);

  const file = JSON.stringify(data);
  const user = await readUserRow(database.db, person.userId);
  for (const secret of [code, user!.passwordHash, person.sessionId, 'nonce', 'tokenHash']) {
    expect(file).not.toContain(secret);
  }
});

test('nobody sees another’s data or activity', async () => {
  const person = await giveSettledPerson(database.db);
  const other = await giveSettledPerson(database.db);
  await changeNumber(database.db, other, newPhone(), contextAt(noon, '198.51.100.9'));
  const file = JSON.stringify(await exportData(database.db, person.userId, contextAt(noon)));
  expect(file).not.toContain(other.email);
  expect(file).not.toContain(other.phone!);
  expect(JSON.stringify(await readActivity(database.db, person.userId, 50))).not.toContain('198.51.100.9');
});

test('somebody who loses a number to another does not learn the other’s address', async () => {
  const holder = await giveSettledPerson(database.db);
  const prover = await giveSettledPerson(database.db, { phone: null });
  await changeNumber(database.db, prover, holder.phone!, contextAt(noon));
  expect(await enterCode(database.db, prover, after(noon, 60))).toMatchObject({ ok: true });
  const [latest] = await readActivity(database.db, holder.userId, 10);
  expect(latest).toMatchObject({ what: 'number_moved', address: null, userAgent: null });
  const data = await exportData(database.db, holder.userId, contextAt(after(noon, 90)));
  expect(data!.activity.find((entry) => entry.action === 'number_moved')).toMatchObject({ address: null });
});

test('one session or all others end, and nobody ends another’s', async () => {
  const person = await giveSettledPerson(database.db);
  const other = await giveSettledPerson(database.db);
  const second = await openSession(database.db, person.userId, noon);
  await openSession(database.db, person.userId, noon);
  await endOne(database.db, person, other.sessionId, contextAt(noon));
  await endOne(database.db, person, 'no session', contextAt(noon));
  expect(await listSessions(database.db, other.userId, noon)).toHaveLength(1);
  await endOne(database.db, person, second.sessionId, contextAt(noon));
  expect(await listSessions(database.db, person.userId, noon)).toHaveLength(2);
  await endOthers(database.db, person, contextAt(noon));
  expect((await listSessions(database.db, person.userId, noon)).map((row) => row.id)).toEqual([
    person.sessionId,
  ]);
});
