import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smsMessages } from '@/db/schema/sms';
import { closeDb } from '@/db/client';
import { env } from '@/lib/env';
import {
  callWithReport,
  callWithText,
  isDevPhoneOpen,
  readHandsets,
  readThread,
} from '@/lib/sms/inbound/dev-phone';
import { readNumber } from '@/lib/sms/numbers/number';
import { checkCode } from '@/lib/sms/verification/check-code';
import { useDatabase } from '../../../support/database';
import { after, contextAt, givePending, newPhone, noon } from '../../../support/people';
import { makeEnv, readText, twilioVariables } from '../../../support/texts';

const database = useDatabase();
let reportStatus: (request: Request) => Promise<Response>;
let receiveInbound: (request: Request) => Promise<Response>;
let readTexts: (request: Request) => Promise<Response>;

beforeAll(async () => {
  Object.assign(process.env, { DATABASE_URL: database.url, LOG_LEVEL: 'error' });
  // The settings are read on first use, so the routes are loaded only now.
  reportStatus = (await import('@/app/users/webhook/twilio/route')).POST;
  receiveInbound = (await import('@/app/users/webhook/twilio/inbound/route')).POST;
  readTexts = (await import('@/app/dev/phone/texts/route')).GET;
});
afterAll(closeDb);

/** A code that has gone out to this number. */
async function giveCode(phone: string, sentAt = after(noon, 1)) {
  const prover = await givePending(database.db, phone);
  const [text] = await database.db
    .update(smsMessages)
    .set({ status: 'sent', sentAt })
    .where(eq(smsMessages.phone, phone))
    .returning();
  return { ...prover, messageId: text!.id };
}

describe('a handset', () => {
  it('shows a code while it can be right, and neither shows nor stores it afterwards', async () => {
    const phone = newPhone();
    const { code, messageId, ...prover } = await giveCode(phone);
    const open = await readThread(database.db, phone, after(noon, 2));
    expect(open.texts).toMatchObject([
      { id: messageId, from: 'us', code, status: 'sent', at: after(noon, 1) },
    ]);
    expect(open.texts[0]!.body).toMatch(
      new RegExp(`^${code} is your Doorstep code\\. It expires in 10 minutes[^]*\\n@localhost #${code}$`),
    );
    expect(JSON.stringify(await readText(database.db, messageId))).not.toContain(code);
    await checkCode(database.db, prover, code, contextAt(after(noon, 5)));
    const [closed] = (await readThread(database.db, phone, after(noon, 6))).texts;
    expect(closed).toMatchObject({ code: null });
    expect(closed!.body).not.toMatch(/\d{6}/);
  });

  it('shows only what has reached it, and is first in the list when its text is the latest', async () => {
    const [early, late] = [newPhone(), newPhone()];
    await givePending(database.db, early);
    expect((await readThread(database.db, early, noon)).texts).toEqual([]);
    await giveCode(late, after(noon, 60));
    const listed = (await readHandsets(database.db)).map((handset) => handset.phone);
    expect(listed[0]).toBe(late);
    expect(listed).not.toContain(early);
  });

  it('reports delivery through the status webhook, for the text and number that belong together', async () => {
    const phone = newPhone();
    const { messageId } = await giveCode(phone);
    const wrong = callWithReport(env(), { messageId, phone: newPhone(), errorCode: null });
    expect((await reportStatus(wrong)).status).toBe(204);
    expect((await readText(database.db, messageId)).status).toBe('sent');
    const answer = await reportStatus(callWithReport(env(), { messageId, phone, errorCode: null }));
    expect(answer.status).toBe(204);
    expect((await readText(database.db, messageId)).status).toBe('delivered');
  });

  it('reports a failure with its error code, to the same effect as Twilio would', async () => {
    const phone = newPhone();
    const { messageId } = await giveCode(phone);
    await reportStatus(callWithReport(env(), { messageId, phone, errorCode: 30006 }));
    expect(await readText(database.db, messageId)).toMatchObject({
      status: 'failed',
      errorCode: 30006,
      providerStatus: 'undelivered',
    });
    expect((await readNumber(database.db, phone))?.undeliverableAt).not.toBeNull();
    expect((await readThread(database.db, phone, new Date())).texts).toMatchObject([
      { status: 'failed', errorCode: 30006 },
    ]);
  });

  it("answers through the inbound webhook and shows the reply, ours or the carrier's", async () => {
    const phone = newPhone();
    for (const body of ['please stop texting me', 'START', 'hello']) {
      expect((await receiveInbound(callWithText(env(), { phone, body }))).status).toBe(200);
    }
    const { texts, stopped } = await readThread(database.db, phone, new Date());
    expect(stopped).toBe(false);
    expect(texts.map(({ from, body }) => [from, body.slice(0, 22)])).toEqual([
      ['person', 'please stop texting me'],
      ['us', 'Doorstep: you have opt'],
      ['person', 'START'],
      ['carrier', 'You have successfully '],
      ['person', 'hello'],
    ]);
  });

  it('speaks with a key of its own: of another secret, or signed for the other route, its calls are refused', async () => {
    const phone = newPhone();
    const other = makeEnv(database.url, { AUTH_SECRET: 'quite another secret of thirty-two bytes' });
    expect((await receiveInbound(callWithText(other, { phone, body: 'STOP' }))).status).toBe(403);
    const replayed = new Request(
      new URL('/users/webhook/twilio', env().appUrl),
      callWithText(env(), { phone, body: 'STOP' }),
    );
    expect((await reportStatus(replayed)).status).toBe(403);
    expect(await readNumber(database.db, phone)).toBeNull();
  });
});

describe('the development phone', () => {
  const local = { smsBackend: 'console', isPublic: false } as const;

  it('exists only with the console backend on localhost and without a proxy in between', () => {
    const forwarded = new Headers({ 'x-doorstep-forwarded': '1' });
    expect(isDevPhoneOpen(local, new Headers())).toBe(true);
    expect(isDevPhoneOpen(local, forwarded)).toBe(false);
    expect(isDevPhoneOpen({ ...local, isPublic: true }, new Headers())).toBe(false);
    const twilio = makeEnv(database.url, twilioVariables('http://127.0.0.1:4229'));
    expect(isDevPhoneOpen(twilio, new Headers())).toBe(false);
  });

  it('answers 404 to a forwarded request for its texts', async () => {
    const url = `http://localhost:4229/dev/phone/texts?number=${newPhone().slice(1)}`;
    const forwarded = await readTexts(new Request(url, { headers: { 'x-doorstep-forwarded': '1' } }));
    expect([forwarded.status, await forwarded.text()]).toEqual([404, '']);
    const direct = await readTexts(new Request(url));
    expect(await direct.json()).toMatchObject({ thread: { texts: [], stopped: false } });
  });
});
