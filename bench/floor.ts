import type { Act, Probe } from './block';
import type { Caller } from './browser';
import { newAddress, newNumber, password } from './people';
import type { Provider } from './provider';

export type Floor = Record<'send' | 'check' | 'wrongCode' | 'session' | 'hash' | 'call', Probe>;

/** What floor-server.ts does, measured in the way that Doorstep is. */
export function openFloor(call: Caller, provider: Provider): Floor {
  const ask = async (path: string, fields: Record<string, string>): Promise<string> => {
    const body = { type: 'application/x-www-form-urlencoded', text: new URLSearchParams(fields).toString() };
    const { status, text } = await call('POST', path, { body });
    if (status !== 200) throw new Error(`The floor's ${path} answered ${status}: ${text}`);
    return text;
  };
  const expectIn = (text: string, words: string): void => {
    if (!text.includes(words)) throw new Error(`The floor answered ${text}, not ${words}`);
  };
  const repeat = (acts: number, make: (index: number) => Act): Promise<Act[]> =>
    Promise.resolve(Array.from({ length: acts }, (_, index) => make(index)));
  const send = async (phone: string): Promise<string> => {
    const arriving = provider.nextText(phone);
    arriving.catch(() => undefined);
    await ask('/send', { phone });
    return (await arriving).code ?? '';
  };
  const makeCheck = (name: string, of: (code: string) => string, answer: string): Probe => ({
    name,
    prepare: async (acts) => {
      const made: Act[] = [];
      for (let each = 0; each < acts; each += 1) {
        const phone = newNumber();
        const code = of(await send(phone));
        made.push(async () => expectIn(await ask('/check', { phone, code }), answer));
      }
      return made;
    },
  });
  return {
    send: {
      name: 'floor: one row, one call',
      prepare: (acts) =>
        repeat(acts, () => {
          const phone = newNumber();
          return async () => void (await send(phone));
        }),
    },
    check: makeCheck('floor: two updates', (code) => code, '"ok":true'),
    wrongCode: makeCheck(
      'floor: one update',
      (code) => String((Number(code) + 1) % 1_000_000).padStart(6, '0'),
      '"ok":false',
    ),
    session: {
      name: 'floor: one indexed row',
      prepare: (acts) =>
        repeat(acts, (index) => async () => {
          expectIn(await ask('/session', { token: `session-${1 + (index % 10_000)}` }), '"Person ');
        }),
    },
    hash: {
      name: 'floor: the bare hash, on the same threads',
      prepare: (acts) =>
        repeat(acts, () => {
          const fields = { password, source: newAddress() };
          return async () => expectIn(await ask('/hash', fields), '"ok":true');
        }),
    },
    call: {
      name: 'floor: the bare calls, 32 at a time',
      prepare: (acts) =>
        repeat(acts, () => {
          const phone = newNumber();
          return async () => void (await ask('/call', { phone }));
        }),
    },
  };
}
