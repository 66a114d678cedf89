import { expect, test } from 'vitest';
import {
  grantConsent,
  hasConsent,
  readStandingConsent,
  resumeConsent,
  withdrawConsent,
} from '@/lib/consent/ledger';
import { listReceipts } from '@/lib/consent/receipts';
import { env } from '@/lib/env';
import { newId } from '@/lib/random';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, newPhone, noon } from '@/tests/support/people';

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

test('a grant says in which language, for which legal person and sender, and on which page; a START repeats that', async () => {
  const consent = { userId: newId(), phone: newPhone() };
  const { operator, twilio } = env();
  try {
    await database.db.transaction((tx) =>
      grantConsent(tx, { ...consent, scopes: both, medium: 'registration' }, contextAt(noon)),
    );
    env().operator = { ...operator, name: 'Example Housing, Inc.' };
    env().twilio = {
      accountSid: 'ACx',
      authTokens: ['x'],
      sender: { messagingServiceSid: 'MG1' },
      apiBaseUrl: null,
    };
    await database.db.transaction(async (tx) => {
      await grantConsent(
        tx,
        { ...consent, scopes: ['updates'], medium: 'code_page' },
        contextAt(after(noon, 1)),
      );
      await withdrawConsent(tx, { ...consent, scopes: both, medium: 'sms_stop' }, after(noon, 2));
    });
    env().twilio = {
      accountSid: 'ACx',
      authTokens: ['x'],
      sender: { fromPhone: '+15005550006' },
      apiBaseUrl: null,
    };
    await database.db.transaction(async (tx) => {
      await resumeConsent(tx, { ...consent, scopes: ['updates'], stoppedSince: noon }, after(noon, 3));
      await grantConsent(
        tx,
        { ...consent, scopes: ['verification'], medium: 'preferences' },
        contextAt(noon),
      );
    });
  } finally {
    Object.assign(env(), { operator, twilio });
  }
  const receipts = await listReceipts(database.db, consent.userId);
  const told = receipts.map(({ action, language, legalSender, sentFrom, page }) =>
    [action, language, legalSender, sentFrom, page].join(' '),
  );
  expect(told.reverse()).toEqual([
    'granted en Doorstep  /users/register/applicant',
    'granted en Doorstep  /users/register/applicant',
    'granted en Example Housing, Inc. MG1 /users/verify-phone',
    'withdrawn    ',
    'withdrawn    ',
    'resumed en Example Housing, Inc. MG1 /users/verify-phone',
    'granted en Example Housing, Inc. +15005550006 /users/sms-preferences',
  ]);
});

test('what stands is what the last row of each scope says', async () => {
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

test('a withdrawal is written only where consent stands', async () => {
  const consent = { userId: newId(), phone: newPhone() };
  await database.db.transaction((tx) =>
    withdrawConsent(tx, { ...consent, scopes: both, medium: 'sms_stop' }, noon),
  );
  const { rows } = await database.pool.query('select 1 from sms_consents where user_id = $1', [
    consent.userId,
  ]);
  expect(rows).toHaveLength(0);
});
