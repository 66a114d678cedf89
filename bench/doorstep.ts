import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Act, Probe } from './block';
import {
  readHiddenFields,
  writeActionCall,
  writeForm,
  type Answer,
  type Caller,
  type HiddenFields,
} from './browser';
import { newAddress, newEmail, newNumber, password, type BenchPerson, type People } from './people';
import type { Provider } from './provider';

const paths = {
  register: '/users/register/applicant',
  login: '/users/login',
  code: '/users/verify-phone',
  status: '/users/verify-phone/status',
  dashboard: '/dashboard',
  session: '/users/sms-preferences/preview',
} as const;

/** How an act is sent: as a form (and the next page is not asked for), as a form with the next page, or by React. */
type Way = 'form' | 'form_and_page' | 'script';

type Forms = Record<'register' | 'login' | 'number' | 'code', HiddenFields>;

export type Doorstep = {
  send: Probe;
  check: Probe;
  wrongCode: Probe;
  statusPoll: Probe;
  codePage: Probe;
  signIn: Probe;
  register: Probe;
  session: Probe;
  dashboard: Probe;
  dashboardWhileOthersSignIn: Probe;
  checkWhileOthersSignIn: Probe;
  emptyPage: Probe;
  sendByScript: Probe;
  sendAndPage: Probe;
  checkByScript: Probe;
  checkAndPage: Probe;
  textAlone: Probe;
  backlog: Probe;
  /** The bytes of scripts that a page loads, packed, by path. */
  readScriptBytes: () => Promise<Record<'register' | 'login' | 'code' | 'dashboard', number>>;
  /** Resolves when no text is due or being sent. */
  settle: () => Promise<void>;
};

/** Doorstep as people use it, over HTTP. Every act checks its answer, and throws if it is not the one of success. */
export async function openDoorstep({
  call,
  pool,
  people,
  provider,
}: {
  call: Caller;
  pool: Pool;
  people: People;
  provider: Provider;
}): Promise<Doorstep> {
  const from = (person: Pick<BenchPerson, 'address'>) => ({ 'x-forwarded-for': person.address });
  const open = async (path: string, person: Pick<BenchPerson, 'address' | 'cookies'>): Promise<Answer> => {
    const answer = await call('GET', path, {
      cookies: person.cookies,
      headers: { ...from(person), 'accept-encoding': 'gzip' },
    });
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status} to ${answer.leadsTo}`);
    return answer;
  };

  const forms = await readForms();

  async function readForms(): Promise<Forms> {
    const stranger = { address: newAddress(), cookies: {} };
    const has = (field: string) => (form: string) => form.includes(`name="${field}"`);
    const person = await people.takeNew();
    const number = readHiddenFields((await open(paths.code, person)).text, has('tcpaConsent'));
    await post({ number }, 'number', person, { phone: newNumber(), tcpaConsent: 'on' }, 'form', paths.code);
    return {
      register: readHiddenFields((await open(paths.register, stranger)).text, has('verifyPhone')),
      login: readHiddenFields((await open(paths.login, stranger)).text, has('password')),
      number,
      code: readHiddenFields((await open(paths.code, person)).text, has('code')),
    };
  }

  /** Sends a form; throws unless it leads to `expected`. Null: it is to be answered by its own page. */
  async function post<Name extends keyof Forms>(
    known: Pick<Forms, Name>,
    name: Name,
    person: Pick<BenchPerson, 'address' | 'cookies'>,
    fields: Record<string, string>,
    way: Way,
    expected: string | null,
  ): Promise<Answer> {
    const path = name === 'register' ? paths.register : name === 'login' ? paths.login : paths.code;
    const hidden: HiddenFields = known[name];
    const { cookies } = person;
    let answer: Answer;
    if (way === 'script') {
      const { action, body } = writeActionCall(hidden, fields);
      const headers = { ...from(person), 'next-action': action, accept: 'text/x-component' };
      answer = await call('POST', path, { cookies, headers, body });
    } else {
      answer = await call('POST', path, { cookies, headers: from(person), body: writeForm(hidden, fields) });
    }
    const leadsTo = answer.leadsTo?.split('?')[0] ?? null;
    if (leadsTo !== expected || (expected === null && answer.status !== 200)) {
      const words = answer.text.replace(/<script[\s\S]*?<\/script>|<[^>]+>/g, ' ').replace(/\s+/g, ' ');
      throw new Error(
        `The form ${name} was answered ${answer.status} to ${leadsTo}, not ${expected}: ${words.slice(0, 400)}`,
      );
    }
    if (way === 'form_and_page' && answer.leadsTo !== null) {
      await open(answer.leadsTo, { ...person, cookies: { ...cookies, ...answer.cookies } });
    }
    return answer;
  }

  const many = (acts: number, make: () => Promise<Act>): Promise<Act[]> =>
    Promise.all(Array.from({ length: acts }, make));

  /** Asks for a code to a number of their own. Out: the code, once the provider has it. */
  const askForCode = async (person: BenchPerson, phone: string, way: Way): Promise<string> => {
    const arriving = provider.nextText(phone);
    arriving.catch(() => undefined);
    await post(forms, 'number', person, { phone, tcpaConsent: 'on' }, way, paths.code);
    const { code } = await arriving;
    if (code === null) throw new Error('The text has no code');
    return code;
  };

  const makeSend = (name: string, way: Way): Probe => ({
    name,
    prepare: (acts) =>
      many(acts, async () => {
        const person = await people.takeNew();
        const phone = newNumber();
        return async () => void (await askForCode(person, phone, way));
      }),
  });

  /** People who have been sent a code, asked for a few at a time. */
  const givePeopleWithCode = async (count: number): Promise<{ person: BenchPerson; code: string }[]> => {
    const given: { person: BenchPerson; code: string }[] = [];
    const give = async (): Promise<void> => {
      while (count > 0) {
        count -= 1;
        const person = await people.takeNew();
        given.push({ person, code: await askForCode(person, newNumber(), 'form') });
      }
    };
    await Promise.all(Array.from({ length: 8 }, give));
    await settle();
    return given;
  };

  const makeCheck = (name: string, way: Way): Probe => ({
    name,
    prepare: async (acts) =>
      (await givePeopleWithCode(acts)).map(({ person, code }) => async () => {
        await post(forms, 'code', person, { code }, way, paths.dashboard);
      }),
  });

  /** The same few people again and again, as often as there are acts. */
  const makeVisit = (
    name: string,
    visit: (person: BenchPerson) => Promise<void>,
    withCode: boolean,
  ): Probe => {
    let visitors: BenchPerson[] | null = null;
    return {
      name,
      prepare: async (acts) => {
        visitors ??= withCode
          ? (await givePeopleWithCode(64)).map(({ person }) => person)
          : await Promise.all(Array.from({ length: 64 }, people.takeNew));
        const all = visitors;
        return Array.from({ length: acts }, (_, index) => () => visit(all[index % all.length]!));
      },
    };
  };

  const signInOnce = async (person: BenchPerson): Promise<'in' | 'busy'> => {
    const stranger = { address: newAddress(), cookies: {} };
    const body = writeForm(forms.login, { email: person.email, password });
    const answer = await call('POST', paths.login, { headers: from(stranger), body });
    if (answer.leadsTo === paths.dashboard) return 'in';
    // By the line for hashes, or by the one for forms.
    if (answer.status === 503 || answer.text.includes('A lot of people are signing in')) return 'busy';
    throw new Error(`Signing in was answered ${answer.status} to ${answer.leadsTo}`);
  };

  const dashboard = async (person: BenchPerson): Promise<void> => {
    const { text } = await open(paths.dashboard, person);
    if (!text.includes('Person ')) throw new Error('The dashboard does not say whose it is');
  };

  const writeUpdates = async (userIds: readonly string[], phones: readonly string[]): Promise<void> => {
    await pool.query(
      `with added as (
         insert into sms_messages (id, direction, user_id, phone, purpose, template, params, created_at, send_after, status)
         select gen_random_uuid(), 'out', given.user_id, given.phone, 'update', 'applicationStatus',
           '{"site":"Doorstep","url":"http://localhost/applications"}', now(), clock_timestamp(), 'queued'
         from unnest($1::uuid[], $2::text[]) as given (user_id, phone)
         returning 1
       )
       select pg_notify('doorstep_outbox', '') from (select count(*) from added) as all_of_them`,
      [userIds, phones],
    );
  };

  async function settle(): Promise<void> {
    for (;;) {
      const { rows } = await pool.query<{ busy: boolean }>(
        `select exists (select from sms_messages where status = 'queued' and send_after < now() + interval '2 seconds')
           or exists (select from sms_messages where status = 'sending') as busy`,
      );
      if (!rows[0]!.busy) return;
      await delay(20);
    }
  }

  const dashboardAlone = makeVisit('its dashboard, idle', dashboard, false);

  /** The same probe, while 32 others sign in again and again. */
  function whileOthersSignIn(name: string, { prepare }: Probe): Probe {
    let asked = 0;
    let busy = 0;
    return {
      name,
      prepare,
      meanwhile: async () => {
        let isOver = false;
        const crowd = Array.from({ length: 32 }, async () => {
          while (!isOver) {
            asked += 1;
            if ((await signInOnce(await people.nextHolder())) === 'busy') busy += 1;
          }
        });
        // A fault ends the bench where it is waited for, below.
        crowd.forEach((each) => each.catch(() => undefined));
        // Until they all wait in line.
        await delay(500);
        return async () => {
          isOver = true;
          await Promise.all(crowd);
        };
      },
      note: () =>
        asked === 0 ? null : `Of ${asked} sign-ins beside “${name}”, ${busy} were asked to come again.`,
    };
  }

  return {
    send: makeSend('send a code, until the provider has it', 'form'),
    sendAndPage: makeSend('the form, then the code page', 'form_and_page'),
    sendByScript: makeSend('with JavaScript: send a code, with the next page', 'script'),
    check: makeCheck('check a right code', 'form'),
    checkAndPage: makeCheck('the form, then the dashboard', 'form_and_page'),
    checkByScript: makeCheck('with JavaScript: check a right code, with the next page', 'script'),
    wrongCode: {
      name: 'check a wrong code, with the page that says so',
      prepare: async (acts) =>
        (await givePeopleWithCode(acts)).map(({ person, code }) => async () => {
          const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, '0');
          const { text } = await post(forms, 'code', person, { code: wrong }, 'form', null);
          if (!text.includes('That code is not right')) throw new Error('A wrong code was not called wrong');
        }),
    },
    statusPoll: makeVisit(
      'ask how the text is',
      async (person) => {
        const { text } = await open(paths.status, person);
        if (!text.includes('"status"')) throw new Error('The status says nothing');
      },
      true,
    ),
    codePage: makeVisit(
      'the code page',
      async (person) => {
        const { text } = await open(paths.code, person);
        if (!text.includes('name="code"')) throw new Error('The code page has no field for a code');
      },
      true,
    ),
    session: makeVisit(
      'ask whose session this is',
      async (person) => {
        const { text } = await open(paths.session, person);
        if (!text.includes('"words"')) throw new Error('The session was not known');
      },
      false,
    ),
    dashboard: makeVisit('the dashboard', dashboard, false),
    emptyPage: makeVisit(
      'a page of the same server that reads nothing',
      async (person) => void (await open('/terms', { address: person.address, cookies: {} })),
      false,
    ),
    signIn: {
      name: 'sign in',
      prepare: (acts) =>
        many(acts, async () => {
          const person = await people.nextHolder();
          return async () => {
            if ((await signInOnce(person)) === 'busy') throw new Error('Too many wait to sign in');
          };
        }),
    },
    register: {
      name: 'register, without a number',
      prepare: (acts) =>
        many(acts, async () => {
          const person = { address: newAddress(), cookies: {} };
          const fields = { email: newEmail(), name: 'Newcomer', password, phone: '' };
          return async () => void (await post(forms, 'register', person, fields, 'form', paths.dashboard));
        }),
    },
    dashboardWhileOthersSignIn: whileOthersSignIn('the dashboard while 32 others sign in', dashboardAlone),
    checkWhileOthersSignIn: whileOthersSignIn(
      'check a right code while 32 others sign in',
      makeCheck('', 'form'),
    ),
    textAlone: {
      name: 'a text, from the commit of its row to the provider',
      prepare: (acts) =>
        many(acts, async () => {
          const { userId, phone } = await people.nextHolder();
          return async () => {
            // So that it meets the dispatcher at any moment of its second.
            await delay(20 + Math.random() * 200);
            const arriving = provider.nextText(phone);
            await writeUpdates([userId], [phone]);
            const committedAt = performance.now();
            return Math.max(0, (await arriving).atMs - committedAt);
          };
        }),
    },
    backlog: {
      name: 'updates that are due, all at once, a process',
      callers: Infinity,
      prepare: async (acts) => {
        const all = await Promise.all(Array.from({ length: acts }, people.nextHolder));
        return all.map(({ phone }, index) => async () => {
          const arriving = provider.nextText(phone);
          // The last caller writes them all; by then everybody waits.
          if (index === all.length - 1) {
            await writeUpdates(
              all.map(({ userId }) => userId),
              all.map((each) => each.phone),
            );
          }
          await arriving;
        });
      },
    },
    readScriptBytes: async () => {
      const stranger = { address: newAddress(), cookies: {} };
      const person = await people.takeNew();
      await askForCode(person, newNumber(), 'form');
      const sum = async (path: string, who: Pick<BenchPerson, 'address' | 'cookies'>): Promise<number> => {
        const { text } = await open(path, who);
        const scripts = new Set(
          [...text.matchAll(/<script[^>]*\ssrc="([^"]+\.js[^"]*)"/g)].map(([, src]) => src!),
        );
        const answers = await Promise.all([...scripts].map((src) => open(src.replace(/&amp;/g, '&'), who)));
        return answers.reduce((total, { bytes }) => total + bytes, 0);
      };
      return {
        register: await sum(paths.register, stranger),
        login: await sum(paths.login, stranger),
        code: await sum(paths.code, person),
        dashboard: await sum(paths.dashboard, person),
      };
    },
    settle,
  };
}
