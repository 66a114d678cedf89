import { existsSync, readFileSync } from 'node:fs';
import { notFound } from 'next/navigation';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { answerForm } from '@/app/_forms/form-answer';
import { readForm, required } from '@/app/_forms/read-form';
import { readActor } from '@/app/users/settings-actor';
import { emptyFormState, type FormState } from '@/components/forms/form-state';
import { closeDb, db, type Db, type Tx } from '@/db/client';
import type { Role } from '@/db/schema/accounts';
import { mails } from '@/db/schema/mail';
import { smsMessages, smsPreferences } from '@/db/schema/sms';
import { findUser, type User } from '@/lib/accounts/users';
import { findApplication } from '@/lib/applications/application';
import { decideNotices } from '@/lib/applications/decide-notices';
import { moveApplication, type MoveAnswer } from '@/lib/applications/move-application';
import type { Viewer } from '@/lib/applications/who-sees';
import { submitApplication, type ApplicationText } from '@/lib/applications/write-application';
import { readRequestContext, requireRole, signInWithGrant } from '@/lib/auth/sign-in/session';
import { mintLoginGrant } from '@/lib/accounts/login-grants';
import { changeName } from '@/lib/auth/settings/change-name';
import { dropReaction } from '@/lib/consent/reaction';
import type { RequestContext } from '@/lib/context';
import { env } from '@/lib/env';
import { enqueueNewsMail } from '@/lib/mail/outbox';
import { readMail } from '@/lib/mail/read-mail';
import { isReachedByMail } from '@/lib/mail/tell-owner';
import { optOut } from '@/lib/sms/outbox/opt-out';
import { countSegments } from '@/lib/sms/outbox/segments';
import { enqueueText } from '@/lib/sms/outbox/text-outbox';
import { readStoredText, renderStoredText, type TemplateName } from '@/lib/sms/outbox/text-templates';
import { categoryOf, type TextCategory } from '@/lib/sms/preferences/categories';
import { giveApplicant, giveStaff, giveSubmitted, readApplicationRow } from '../support/applications';
import { useDatabase } from '../support/database';
import { after, contextAt, givePerson, noon } from '../support/people';
import { giveSettledPerson, proveEmailOf } from '../support/settled-person';
import { askPolicy, makeEnv, makePerson, readText, type Person } from '../support/texts';

// The cookies of the browser that asks for a page.
const cookies = vi.hoisted(() => new Map<string, string>());

vi.mock('next/headers', () => ({
  headers: async () =>
    new Headers({
      host: 'localhost:3000',
      'x-forwarded-proto': 'http',
      cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    }),
  cookies: async () => ({
    has: (name: string) => cookies.has(name),
    get: (name: string) => ({ value: cookies.get(name) }),
    set: (name: string, value: string) => cookies.set(name, value),
  }),
}));

const guide = readFileSync('docs/integrate.md', 'utf8');
const normalize = (code: string) => code.replace(/\s+/g, ' ').trim();

describe('the guide', () => {
  const source = normalize(readFileSync('tests/docs/integrate.test.ts', 'utf8'));
  const examples = [...guide.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code]) => code!);

  test('has examples to speak of', () => {
    expect(examples.length).toBeGreaterThanOrEqual(7);
  });

  test.each(examples.map((code) => [/function (\w+)/.exec(code)?.[1], code] as const))(
    'shows %s as it runs here, and here it is called',
    (name, code) => {
      expect(source).toContain(normalize(code));
      expect(source.replace(normalize(code), '')).toContain(`${name}(`);
    },
  );

  test('names only files and folders that there are', () => {
    const named = [...guide.matchAll(/`([\w./[\]-]+(?:\.(?:tsx?|mjs|md)|\/))`|\]\(([\w./-]+)\)/g)].map(
      ([, file, link]) => file ?? `docs/${link}`,
    );
    expect(named.length).toBeGreaterThan(25);
    expect(named.filter((file) => !existsSync(file))).toEqual([]);
  });

  test('says every reason for which the send policy keeps a text back', () => {
    const policy = readFileSync('lib/sms/dispatch/send-policy.ts', 'utf8');
    const kinds = readFileSync('lib/phone/parse.ts', 'utf8');
    const namesOf = (file: string, type: string) =>
      [
        ...file
          .split(`export type ${type} =`)[1]!
          .split(';')[0]!
          .matchAll(/'(\w+)'/g),
      ].map(([, name]) => name!);
    const reasons = [...namesOf(policy, 'PolicyReason'), ...namesOf(kinds, 'KindRefusal')];
    expect(reasons.length).toBeGreaterThan(14);
    expect(reasons.filter((reason) => !guide.includes(`\`${reason}\``))).toEqual([]);
  });
});

const database = useDatabase();
const at = (seconds: number) => contextAt(after(noon, seconds));

beforeAll(() => {
  process.env.DATABASE_URL = database.url;
  // As in next.config.ts: 403 for someone of another role.
  process.env.__NEXT_EXPERIMENTAL_AUTH_INTERRUPTS = 'true';
});
afterAll(closeDb);
beforeEach(() => cookies.clear());

/** Opens an application for someone, and hands it in. */
async function handIn(db: Db, applicant: Viewer, written: ApplicationText, context: RequestContext) {
  return submitApplication(db, applicant, { ...written, id: null, version: null }, context);
}

/** Asks the applicant for something. */
async function askForLease(
  db: Db,
  staff: Viewer,
  shown: { id: string; version: number },
  context: RequestContext,
): Promise<MoveAnswer> {
  const note = 'Send us a copy of your lease.';
  return moveApplication(db, staff, { ...shown, to: 'documents_needed', note }, context);
}

describe('applications', () => {
  test('one that code hands in is as any other, and who may not see it cannot move it', async () => {
    const applicant = await giveApplicant(database.db);
    const opened = await handIn(database.db, applicant, { title: 'Two rooms', message: 'For two' }, at(0));
    if (!opened.ok) throw new Error(opened.reason);
    expect(await readApplicationRow(database.db, opened.id)).toMatchObject({ status: 'submitted' });
    const broker = await giveStaff(database.db, 'broker');
    expect(await askForLease(database.db, broker, { id: opened.id, version: 2 }, at(60))).toEqual({
      ok: false,
      reason: 'not_found',
    });
  });

  test('a move that code makes is told by one text once the undo time is over, and one of an older page is refused', async () => {
    const [applicant, staff] = [await giveApplicant(database.db), await giveStaff(database.db)];
    const { id, version } = await giveSubmitted(database.db, applicant, noon);
    expect(await askForLease(database.db, staff, { id, version }, at(60))).toMatchObject({
      ok: true,
      undoUntil: after(noon, 70),
    });
    expect(await askForLease(database.db, staff, { id, version }, at(61))).toMatchObject({
      ok: false,
      reason: 'changed_meanwhile',
      application: { status: 'documents_needed', version: version + 1 },
    });
    const onFault = (_id: string, error: unknown) => expect.fail(String(error));
    await decideNotices(database.db, after(noon, 69), { onFault });
    expect(await readTextsOf(applicant.userId)).toEqual([]);
    await decideNotices(database.db, after(noon, 70), { onFault });
    await decideNotices(database.db, after(noon, 71), { onFault });
    expect(await readTextsOf(applicant.userId)).toMatchObject([{ template: 'documentsNeeded' }]);
  });
});

function readTextsOf(userId: string) {
  return database.db.select().from(smsMessages).where(eq(smsMessages.userId, userId));
}

/** Tells someone by text that there is news, once for each visit; false: they have no number, or were told. */
async function textAboutVisit(
  tx: Tx,
  { id: userId, phone }: Pick<User, 'id' | 'phone'>,
  visitId: string,
  now: Date,
): Promise<boolean> {
  if (phone === null) return false;
  const text = await enqueueText(tx, {
    userId,
    phone,
    purpose: 'update',
    template: 'applicationStatus',
    params: { url: new URL('/applications', env().appUrl).href },
    dedupeKey: `visit:${visitId}`,
    sendAfter: now,
    now,
  });
  return text !== null;
}

describe('a text', () => {
  let visits = 0;
  const now = new Date();

  async function ask(person: Person) {
    visits += 1;
    const visit = `visit-${visits}`;
    const user = { id: person.userId, phone: person.phone };
    await database.db.transaction((tx) => textAboutVisit(tx, user, visit, now));
    const [text] = await readTextsOf(person.userId);
    return askPolicy(database.db, text!, { now, env: makeEnv(database.url) });
  }

  test('is written once for a key, with the transaction of its caller or not at all, and nothing is sent', async () => {
    const { userId: id, phone } = await makePerson(database.db);
    const undone = database.db.transaction(async (tx) => {
      await textAboutVisit(tx, { id, phone }, 'elm', now);
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await readTextsOf(id)).toEqual([]);
    const tell = () => database.db.transaction((tx) => textAboutVisit(tx, { id, phone }, 'elm', now));
    expect([await tell(), await tell()]).toEqual([true, false]);
    const [text, ...others] = await readTextsOf(id);
    expect(others).toEqual([]);
    expect(await readText(database.db, text!.id)).toMatchObject({ status: 'queued', sentAt: null });
  });

  test('is not written for someone without a number', async () => {
    const none = { id: (await givePerson(database.db, { active: true })).userId, phone: null };
    expect(await database.db.transaction((tx) => textAboutVisit(tx, none, 'oak', now))).toBe(false);
  });

  test('goes out to someone who agreed, proved the number, has texts on, and is not in quiet hours', async () => {
    expect(await ask(await makePerson(database.db))).toMatchObject({
      answer: 'send',
      body: expect.stringContaining('there is news about your application'),
    });
  });

  test.each([
    ['no_consent', { consent: false }],
    ['not_verified', { verified: false }],
    ['turned_off', { updates: false }],
  ])('is refused as %s, whoever wrote it', async (reason, missing) => {
    expect(await ask(await makePerson(database.db, missing))).toMatchObject({ answer: 'refuse', reason });
  });

  test('is refused where its kind is turned off, and after a STOP', async () => {
    const [off, stopped] = [await makePerson(database.db), await makePerson(database.db)];
    await database.db
      .update(smsPreferences)
      .set({ applicationStatus: false })
      .where(eq(smsPreferences.userId, off.userId));
    expect(await ask(off)).toMatchObject({ answer: 'refuse', reason: 'turned_off' });
    await database.db.transaction((tx) => optOut(tx, { phone: stopped.phone, by: 'sms_stop', now }));
    expect(await ask(stopped)).toMatchObject({ answer: 'refuse', reason: 'stopped' });
  });

  test('waits for the end of quiet hours', async () => {
    const [from, to] = [-1, 1].map((hours) => new Date(now.getTime() + hours * 3_600_000));
    const quietHours = { start: from!.toISOString().slice(11, 16), end: to!.toISOString().slice(11, 16) };
    const person = await makePerson(database.db, { quietHours, timeZone: 'UTC' });
    expect(await ask(person)).toMatchObject({ answer: 'hold', reason: 'quiet_hours' });
  });
});

/** What has to hold of every template that is written out of its row. */
function expectComplete(template: TemplateName, params: object, kind: TextCategory | null): void {
  expect(readStoredText(template, params)).toMatchObject({ template, params });
  expect(categoryOf(template)).toBe(kind);
  const { body } = renderStoredText(template, params)!;
  expect(body).toMatch(/^Doorstep( security)?: /);
  expect(countSegments(body)).toBeLessThanOrEqual(2);
  if (kind === 'applicationStatus' || kind === 'reminders') expect(body).toContain('Reply STOP');
  expect(dropReaction(`loved "${body.toLowerCase().replaceAll("'", '')}"`)).toBe('');
}

describe('a template', () => {
  const url = 'https://portal.example.com/applications';
  const link = { linkId: '00000000-0000-4000-8000-000000000000', linkNonce: 'nonce' };
  // A name that is missing here is an error of types. The words of a code need more than its row: null.
  const templates: Record<TemplateName, { params: object; kind: TextCategory | null } | null> = {
    verification: null,
    optInConfirmation: { params: {}, kind: null },
    phoneChanged: { params: { url }, kind: null },
    applicationStatus: { params: { url }, kind: 'applicationStatus' },
    documentsNeeded: { params: { url }, kind: 'applicationStatus' },
    documentsReminder: { params: { url }, kind: 'reminders' },
    securityNotice: { params: { url, event: 'your password was changed' }, kind: 'security' },
    resetFactors: { params: { url, ...link }, kind: null },
    test: { params: {}, kind: null },
    stopConfirmation: { params: {}, kind: null },
    stopUpdatesConfirmation: { params: {}, kind: null },
    startConfirmation: { params: { url }, kind: null },
    help: { params: { url }, kind: null },
    answerTaken: { params: { url }, kind: null },
    answerUnclear: { params: { url }, kind: null },
  };

  test.each(Object.entries(templates))(
    '%s is read from its row, obeys its switch, names its sender, and is known when it is quoted',
    (name, about) => {
      if (about === null) return expect(categoryOf(name)).toBeNull();
      return expectComplete(name as TemplateName, about.params, about.kind);
    },
  );
});

/** Tells someone by mail that there is news; null: no mail reaches them. */
async function mailNews(tx: Tx, user: User, now: Date): Promise<string | null> {
  if (!isReachedByMail(user)) return null;
  return enqueueNewsMail(tx, {
    template: 'applicationNews',
    userId: user.id,
    email: user.email,
    params: { url: new URL('/applications', env().appUrl).href },
    now,
  });
}

describe('a mail', () => {
  test('is written for a proven address alone, and says what its template says', async () => {
    const { userId } = await givePerson(database.db, { active: true });
    const send = async () => {
      const user = (await findUser(database.db, userId))!;
      return database.db.transaction((tx) => mailNews(tx, user, noon));
    };
    expect(await send()).toBeNull();
    await proveEmailOf(database.db, { userId });
    const id = await send();
    const [mail] = await database.db.select().from(mails).where(eq(mails.id, id!));
    expect(mail).toMatchObject({ userId, template: 'applicationNews', linkId: null, sentAt: null });
    const { subject, text } = readMail({ ...mail!, link: null });
    expect(subject).toBe('News about your application: Doorstep');
    expect(text).toContain('http://localhost:3000/applications');
  });
});

/** The heading of a page about one application, for the operator's people. */
async function LetterPage({ params }: { params: Promise<{ id: string }> }): Promise<string> {
  const user = await requireRole('/staff/applications', 'broker', 'staff', 'admin');
  const application = await findApplication(db(), user, (await params).id);
  if (application === null) notFound();
  return `A letter about ${application.title}`;
}

const nameForm = z.object({ name: required('Enter your name.') });

/** Saves a form of the settings. */
async function saveNameAction(_state: FormState<'name'>, formData: FormData): Promise<FormState<'name'>> {
  const actor = await readActor<'name'>('/users/profile', formData, ['name']);
  if (!actor.ok) return actor.answer;
  const form = readForm(nameForm, formData);
  if (!form.ok) return answerForm({ fieldErrors: form.fieldErrors }, formData, ['name']);
  const changed = await changeName(db(), actor.user.userId, form.fields.name, await readRequestContext());
  if (!changed.ok)
    return answerForm({ message: 'Not saved: you have changed it many times.' }, formData, ['name']);
  return answerForm({ tone: 'success', message: 'Saved.' });
}

describe('behind the guards', () => {
  async function enterAs(role: Role): Promise<Viewer> {
    const now = new Date();
    const { userId } = await giveSettledPerson(database.db, { role, now });
    const { grant } = await mintLoginGrant(database.db, userId, now, { secondFactorAt: now });
    expect(await signInWithGrant(grant)).toBe(true);
    return { userId, role };
  }
  const open = (id: string) => LetterPage({ params: Promise.resolve({ id }) });
  const save = (name: string) => {
    const form = new FormData();
    form.append('name', name);
    return saveNameAction(emptyFormState, form);
  };

  test('a page leads whoever is not signed in to the sign-in page, and shows the others what is theirs to see', async () => {
    const { id } = await giveSubmitted(database.db, await giveApplicant(database.db), noon);
    await expect(open(id)).rejects.toMatchObject({
      digest: expect.stringContaining('/users/login?next=%2Fstaff%2Fapplications'),
    });
    await enterAs('applicant');
    await expect(open(id)).rejects.toMatchObject({ digest: expect.stringMatching(/;403$/) });
    cookies.clear();
    await enterAs('broker');
    await expect(open(id)).rejects.toMatchObject({ digest: expect.stringMatching(/;404$/) });
    cookies.clear();
    await enterAs('staff');
    expect(await open(id)).toMatch(/^A letter about Home /);
  });

  test('an action keeps what was typed where nobody is signed in, and saves nothing', async () => {
    expect(await save('Robin')).toMatchObject({ tone: 'error', values: { name: 'Robin' } });
    const { userId } = await enterAs('applicant');
    expect(await save('')).toMatchObject({ fieldErrors: { name: 'Enter your name.' } });
    expect(await save('Robin')).toMatchObject({ tone: 'success' });
    expect((await findUser(database.db, userId))!.name).toBe('Robin');
  });
});

describe('where people apply on another site', () => {
  const [, block] = /^```sh\n([\s\S]*?NEXT_STEP_URL[\s\S]*?)^```$/m.exec(guide)!;
  const settings = Object.fromEntries(
    [...block!.matchAll(/^(\w+)=(?:"(.*)"|(.*))$/gm)].map(([, name, quoted, bare]) => [
      name!,
      quoted ?? bare!,
    ]),
  );

  test('the settings of the guide are taken, and none of them without the other', () => {
    const { NEXT_STEP_URL, NEXT_STEP_LABEL } = settings as Record<string, string>;
    expect(makeEnv(database.url, settings).nextStep).toEqual({ url: NEXT_STEP_URL, label: NEXT_STEP_LABEL });
    for (const name of Object.keys(settings)) {
      expect(() => makeEnv(database.url, { [name]: settings[name]! })).toThrow(/is missing/);
    }
  });
});
