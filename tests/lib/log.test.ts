import { AxiosError, AxiosHeaders } from 'axios';
import { describe, expect, test } from 'vitest';
import { hideDigits, openLog, type LogFields } from '@/lib/log';
import { inRequest } from '@/lib/request-scope';

function write(fields: LogFields): string {
  const lines: string[] = [];
  openLog({ level: 'debug', write: (line) => lines.push(line) }).info('event', fields);
  expect(lines).toHaveLength(1);
  return lines[0]!.replace(/^\S+ /, '');
}

describe('openLog', () => {
  test('an event is one line: level, name, values', () => {
    expect(write({ message: 'a-b', count: 3, nothing: null, left: undefined, said: 'two words' })).toBe(
      'info event message=a-b count=3 nothing=null said="two words"',
    );
    expect(write({ said: 'two\nlines' })).toBe('info event said="two\\nlines"');
  });

  test('lines below the level are dropped', () => {
    const lines: string[] = [];
    const log = openLog({ level: 'warn', write: (line) => lines.push(line) });
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    expect(lines.map((line) => line.split(' ').slice(1).join(' '))).toEqual(['warn c', 'error d']);
  });

  test.each(['phone', 'to', 'code', 'body', 'password', 'authToken', 'authTokens', 'secret', 'cookie'])(
    'a field called %s is never shown',
    (name) => {
      expect(write({ [name]: 'value' })).toBe(`info event ${name}=[hidden]`);
    },
  );

  test.each([
    ['sent to +12125550100 at noon', 'sent to [number] at noon'],
    ['call (212) 555-0100', 'call [number]'],
    ['212.555.0100', '[number]'],
    ['12125550100', '[number]'],
    ['your code is 123456', 'your code is [digits]'],
    ['#123456.', '#[digits].'],
    ['2026-11-22T13:24:23.123Z', '2026-11-22T13:24:23.123Z'],
    ['ab123456cd', 'ab123456cd'],
    ['00000000-0000-4000-8000-123456789012', '00000000-0000-4000-8000-123456789012'],
    ['415/555/0123', '[number]'],
    ['\u00a0415\u00a0555\u00a00123', '\u00a0[number]'],
    ['+1/415/555/0123', '[number]'],
    ['123 456 is my code', '[digits] is my code'],
    ['\uff11\uff12\uff13\uff14\uff15\uff16', '[digits]'],
    ['\uff0b\uff11\uff14\uff11\uff15\uff15\uff15\uff15\uff10\uff11\uff12\uff13', '[number]'],
    ['\u0661\u0662\u0663\u0664\u0665\u0666', '[digits]'],
    ['1 234 567 rows in 12 345 ms', '1 234 567 rows in 12 345 ms'],
    ['error 30003', 'error 30003'],
  ])('in %j numbers and codes are hidden, and only those', (text, hidden) => {
    expect(hideDigits(text)).toBe(hidden);
  });

  test('as JSON an event is one object a line, with the same fields and nothing more', () => {
    const lines: string[] = [];
    const log = openLog({ level: 'info', write: (line) => lines.push(line), format: 'json' });
    log.warn('event', {
      message: 'a-b',
      count: 3,
      nothing: null,
      left: undefined,
      said: 'two\nlines',
      big: 5n,
    });
    log.info('alone');
    log.debug('below');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
        message: 'a-b',
        count: 3,
        nothing: null,
        said: 'two\nlines',
        big: '5',
        event: 'event',
      },
      { level: 'info', time: expect.any(String) as unknown, event: 'alone' },
    ]);
  });

  test.each(['lines', 'json'] as const)('as %s nothing secret is shown, however deep it is', (format) => {
    const lines: string[] = [];
    const log = openLog({ level: 'info', write: (line) => lines.push(line), format });
    const secrets = ['+12125550100', '123456', 'someone@example.com', 'hunter2', 'A81pOs-YDQ.x9'];
    const deep = {
      about: [{ phone: secrets[0], note: `to ${secrets[0]}`, inner: { newPassword: secrets[3] } }],
    };
    log.error(`event ${secrets[1]}`, {
      deep,
      error: new Error(`550 ${secrets[2]} unknown`),
      said: `https://example.com/users/confirm-email?link=${secrets[4]}&next=%2F someone%40example.com`,
      email: secrets[2],
      at: new Date('2026-11-24T12:00:00Z'),
    });
    for (const secret of [...secrets, 'someone']) expect(lines.join()).not.toContain(secret);
    expect(lines.join()).toContain('550 [email] unknown');
    expect(lines.join()).toContain('2026-11-24T12:00:00.000Z');
  });

  test('what is written while a request is answered has its id, also after it has waited', async () => {
    const lines: string[] = [];
    const log = openLog({ level: 'info', write: (line) => lines.push(line.replace(/^\S+ /, '')) });
    log.info('before');
    await inRequest('a-b', async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      log.info('within', { count: 1 });
    });
    log.info('after');
    expect(lines).toEqual(['info before', 'info within request=a-b count=1', 'info after']);
  });

  test.each(['lines', 'json'] as const)('as %s no field overwrites what the line is about', (format) => {
    const lines: string[] = [];
    const log = openLog({ level: 'info', write: (line) => lines.push(line), format });
    // As figures that are spread into a line, which no compiler looks into.
    const figures: Record<string, unknown> = {
      event: 'other',
      level: 'debug',
      time: 'never',
      request: 'c-d',
    };
    inRequest('a-b', () => log.error('alarm_opened', { ...(figures as LogFields), count: 1 }));
    expect(lines).toHaveLength(1);
    const own = { own_event: 'other', own_level: 'debug', own_time: 'never', own_request: 'c-d', count: 1 };
    if (format === 'json') {
      expect(JSON.parse(lines[0]!)).toEqual({
        ...{ level: 'error', event: 'alarm_opened', request: 'a-b', ...own },
        time: expect.stringMatching(/^\d{4}-/) as unknown,
      });
      for (const name of ['event', 'level', 'time', 'request']) {
        expect(lines[0]!.split(`"${name}":`)).toHaveLength(2);
      }
    } else {
      expect(lines[0]).toMatch(
        /^\d{4}-\S+Z error alarm_opened request=a-b own_event=other own_level=debug own_time=never own_request=c-d count=1$/,
      );
    }
  });

  test('an error of an HTTP client shows neither its credentials nor what it sent', () => {
    const error = new AxiosError('timeout of 4000ms exceeded', 'ECONNABORTED', {
      headers: new AxiosHeaders({ Authorization: 'Basic c2VjcmV0' }),
      data: 'Body=123456+is+your+code',
    });
    expect(write({ error })).toBe('info event error="AxiosError: timeout of 4000ms exceeded (ECONNABORTED)"');
  });

  test('an error of the database shows what PostgreSQL said, not the values of the statement', () => {
    const error = new Error('Failed query: insert ... params: 123456', {
      cause: new Error('deadlock detected'),
    });
    expect(write({ error })).toBe('info event error="Error: deadlock detected"');
  });
});
