import { expect, test } from 'vitest';
import { smsMessages } from '@/db/schema/sms';
import { readSession, redeemLoginGrant } from '@/lib/accounts/sessions';
import { register } from '@/lib/auth/registration/register';
import { signIn } from '@/lib/auth/sign-in/sign-in';
import { replacePendingPhone, sendCode } from '@/lib/sms/verification/send-code';
import { readVerificationState } from '@/lib/sms/verification/state';
import { recordStatements, useDatabase } from '@/tests/support/database';
import { after, contextAt, givePending, givePerson, newEmail, newPhone, noon } from '@/tests/support/people';

const database = useDatabase();
const count = async (run: () => Promise<unknown>) => (await recordStatements(database.pool, run)).length;

const input = {
  name: 'Test Person',
  password: 'violet otter cactus',
  phone: null,
  smsOptIn: false,
  verifyPhone: false,
  tcpaConsent: false,
  timeZone: null,
};

test('each journey sends the number of statements it was counted with, BEGIN and COMMIT included', async () => {
  const email = newEmail();
  const counts: Record<string, number> = {};
  counts.registerInside = await count(() => register(database.db, { ...input, email }, contextAt(noon)));
  counts.registerToCodePage = await count(() =>
    register(
      database.db,
      {
        ...input,
        email: newEmail(),
        phone: newPhone(),
        smsOptIn: true,
        verifyPhone: true,
        tcpaConsent: true,
      },
      contextAt(noon),
    ),
  );
  let grant = '';
  let mark = '';
  counts.signIn = await count(async () => {
    const signedIn = await signIn(database.db, { email, password: input.password }, contextAt(noon));
    if (signedIn.ok && signedIn.next === 'dashboard') {
      grant = signedIn.grant;
      mark = signedIn.mark;
    }
  });
  // A browser that is known spends its own tries: one counter, not the two that all others share.
  counts.signInKnown = await count(() =>
    signIn(database.db, { email, password: input.password, knownBrowser: mark }, contextAt(noon)),
  );
  let sessionId = '';
  counts.redeemGrant = await count(async () => {
    sessionId = (await redeemLoginGrant(database.db, grant, contextAt(noon)))!.sessionId;
  });
  counts.readSession = await count(() => readSession(database.db, sessionId, after(noon, 5)));
  const { userId } = await givePerson(database.db, { active: true });
  const readFrom = { sessionId };
  const newcomer = { userId, role: 'applicant' as const, phone: null, purpose: 'prove' as const, readFrom };
  counts.sendFirst = await count(() =>
    replacePendingPhone(database.db, newcomer, newPhone(), contextAt(after(noon, 5))),
  );
  const person = await givePending(database.db, newPhone());
  counts.codePage = await count(() => readVerificationState(database.db, person, after(noon, 5)));
  counts.sendAgainWaiting = await count(() => sendCode(database.db, person, contextAt(after(noon, 40))));
  await database.db.update(smsMessages).set({ status: 'sent', attempts: 1 });
  counts.sendAgain = await count(() => sendCode(database.db, person, contextAt(after(noon, 80))));
  // Registering counts and writes a mail, seven statements.
  expect(counts).toEqual({
    registerInside: 14,
    registerToCodePage: 24,
    // One of them reads which second factors the account holds.
    signIn: 14,
    signInKnown: 14,
    // The account is locked before its sessions are counted.
    redeemGrant: 4,
    readSession: 1,
    sendFirst: 21,
    codePage: 3,
    // The text waits in the line: nothing is counted or written but the moment.
    sendAgainWaiting: 9,
    sendAgain: 12,
  });
});
