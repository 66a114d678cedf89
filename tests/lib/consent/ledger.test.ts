import { expect, test } from 'vitest';
import {
  grantConsent,
  hasConsent,
  readStandingConsent,
  resumeConsent,
  withdrawConsent,
} from '@/lib/consent/ledger';
import { listReceipts } from '@/lib/consent/receipts';
import { newId } from '@/lib/random';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, newPhone, noon } from '@/tests/support/people';
import { named, withSettings } from '@/tests/support/settings';

const database = useDatabase();
const both = ['verification', 'updates'] as const;

test('the ledger refuses update, delete and truncate', async () => {
  const consent = { userId: newId(), phone: newPhone() };
  await database.db.transaction((tx) =>
    grantConsent(tx, { ...consent, scopes: both, medium: 'registration' }, contextAt(noon)),
  );
  for (const statement of [
    `update sms_consents set action = 'withdrawn'`,
    'delete from sms_consents',
    'truncate sms_consents cascade',
  ]) {
    await expect(database.pool.query(statement)).rejects.toThrow('append-only');
  }
  expect(await readStandingConsent(database.db, consent)).toEqual(new Set(both));
});

test('a grant says in which language, for which site, legal person and sender, and on which page; a START repeats that', async () => {
  const consent = { userId: newId(), phone: newPhone() };
  const twilio = { accountSid: 'ACx', authTokens: ['x'] as [string], apiBaseUrl: null };
  await database.db.transaction((tx) =>
    grantConsent(tx, { ...consent, scopes: both, medium: 'registration' }, contextAt(noon)),
  );
  const byService = {
    ...named('Elm Homes', 'Example Housing, Inc.'),
    twilio: { ...twilio, sender: { messagingServiceSid: 'MG1' }, codesSender: null },
  };
  await withSettings(byService, () =>
    database.db.transaction(async (tx) => {
      await grantConsent(
        tx,
        { ...consent, scopes: ['updates'], medium: 'code_page' },
        contextAt(after(noon, 1)),
      );
      await withdrawConsent(tx, { ...consent, scopes: both, medium: 'sms_stop' }, after(noon, 2));
    }),
  );
  const byNumber = {
    ...named('Oak Homes', 'Other Housing LLC'),
    twilio: { ...twilio, sender: { fromPhone: '+15005550006' }, codesSender: null },
  };
  await withSettings(byNumber, () =>
    database.db.transaction(async (tx) => {
      await resumeConsent(tx, { ...consent, scopes: ['updates'], stoppedSince: noon }, after(noon, 3));
      await grantConsent(
        tx,
        { ...consent, scopes: ['verification'], medium: 'preferences' },
        contextAt(noon),
      );
    }),
  );
  const receipts = await listReceipts(database.db, consent.userId);
  const told = receipts.map(({ action, language, sender, legalSender, sentFrom, page }) =>
    [action, language, sender, legalSender, sentFrom, page].join(' '),
  );
  expect(told.reverse()).toEqual([
    'granted en Doorstep   /users/register/applicant',
    'granted en Doorstep   /users/register/applicant',
    'granted en Elm Homes Example Housing, Inc. MG1 /users/verify-phone',
    'withdrawn  Elm Homes   ',
    'withdrawn  Elm Homes   ',
    'resumed en Elm Homes Example Housing, Inc. MG1 /users/verify-phone',
    'granted en Oak Homes Other Housing LLC +15005550006 /users/sms-preferences',
  ]);
});

/** A row as it was written before names were settings: under no operator's name, the name of the site was in its place. */
async function grantOfBefore(
  { userId, phone }: { userId: string; phone: string },
  legalSender: string | null,
): Promise<void> {
  await database.pool.query(
    `insert into sms_consents (at, user_id, phone, scope, action, medium, wording_version, wording, sender, legal_sender)
     values ($1, $2, $3, 'updates', 'granted', 'registration', '2026-11-1', 'I agree that Doorstep may.', 'Doorstep', $4)`,
    [noon, userId, phone, legalSender],
  );
}

test('what was agreed to reads as it did, whatever the site and its operator are called since', async () => {
  const consent = { userId: newId(), phone: newPhone() };
  await grantOfBefore(consent, 'Doorstep');
  await withSettings(named('Elm Homes', 'Example Housing, Inc.'), () =>
    database.db.transaction((tx) =>
      grantConsent(tx, { ...consent, scopes: ['updates'], medium: 'preferences' }, contextAt(noon)),
    ),
  );
  const before = await listReceipts(database.db, consent.userId);
  const since = await withSettings(named('Oak Homes', 'Other Housing LLC'), () =>
    listReceipts(database.db, consent.userId),
  );
  expect(since).toEqual(before);
  expect(since.map(({ sender, legalSender }) => [sender, legalSender])).toEqual([
    ['Elm Homes', 'Example Housing, Inc.'],
    ['Doorstep', 'Doorstep'],
  ]);
  const [renamed, first] = since;
  expect(renamed!.wording).toContain('I agree that Elm Homes, run by Example Housing, Inc., may send');
  expect(renamed!.wordingVersion).toMatch(/^2026-11-3-[0-9a-f]{8}$/);
  expect([first!.wordingVersion, first!.wording]).toEqual(['2026-11-1', 'I agree that Doorstep may.']);
});

test('another name of the site ends no consent; another legal person ends that to updates, and not that to codes', async () => {
  const consent = { userId: newId(), phone: newPhone() };
  const readUnder = (site: string, operator: string | null) =>
    withSettings(named(site, operator), () => readStandingConsent(database.db, consent));
  await withSettings(named('Elm Homes', 'Elm Homes'), () =>
    database.db.transaction((tx) =>
      grantConsent(tx, { ...consent, scopes: both, medium: 'registration' }, contextAt(noon)),
    ),
  );
  expect(await readUnder('Elm Homes', 'Elm Homes')).toEqual(new Set(both));
  expect(await readUnder('Oak Homes', 'Elm Homes')).toEqual(new Set(both));
  for (const operator of ['Other Housing LLC', null]) {
    expect(await readUnder('Elm Homes', operator)).toEqual(new Set(['verification']));
  }
});

test.each([null, 'Doorstep'])(
  'consent from before names were settings, for the legal person %j, is good until one was named and is another',
  async (legalSender) => {
    const consent = { userId: newId(), phone: newPhone() };
    await grantOfBefore(consent, legalSender);
    const read = () => readStandingConsent(database.db, consent);
    expect(await read()).toEqual(new Set(['updates']));
    expect(await withSettings(named('Elm Homes', 'Example Housing, Inc.'), read)).toEqual(
      new Set(['updates']),
    );
    await grantOfBefore(consent, 'Example Housing, Inc.');
    expect(await withSettings(named('Elm Homes', 'Example Housing, Inc.'), read)).toEqual(
      new Set(['updates']),
    );
    expect(await withSettings(named('Elm Homes', 'Other Housing LLC'), read)).toEqual(new Set());
  },
);

test('consent that another legal person was given can still be withdrawn', async () => {
  const consent = { userId: newId(), phone: newPhone() };
  await grantOfBefore(consent, 'Example Housing, Inc.');
  const withdrawn = await withSettings(named('Doorstep', 'Other Housing LLC'), () =>
    database.db.transaction((tx) =>
      withdrawConsent(tx, { ...consent, scopes: both, medium: 'sms_stop' }, after(noon, 1)),
    ),
  );
  expect(withdrawn).toEqual(['updates']);
});

test('what holds is what the last row of each scope says', async () => {
  const consent = { userId: newId(), phone: newPhone() };
  await database.db.transaction(async (tx) => {
    await grantConsent(tx, { ...consent, scopes: both, medium: 'registration' }, contextAt(noon));
    await withdrawConsent(tx, { ...consent, scopes: ['updates'], medium: 'preferences' }, after(noon, 1));
  });
  expect(await hasConsent(database.db, { ...consent, scope: 'updates' })).toBe(false);
  expect(await hasConsent(database.db, { ...consent, scope: 'verification' })).toBe(true);
  expect(await hasConsent(database.db, { ...consent, phone: newPhone(), scope: 'verification' })).toBe(false);
  expect(await hasConsent(database.db, { ...consent, userId: newId(), scope: 'verification' })).toBe(false);
});

test('a withdrawal is written only where there is consent', async () => {
  const consent = { userId: newId(), phone: newPhone() };
  await database.db.transaction((tx) =>
    withdrawConsent(tx, { ...consent, scopes: both, medium: 'sms_stop' }, noon),
  );
  const { rows } = await database.pool.query('select 1 from sms_consents where user_id = $1', [
    consent.userId,
  ]);
  expect(rows).toHaveLength(0);
});
