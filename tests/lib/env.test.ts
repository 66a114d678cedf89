import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isLoopbackHostname, parseEnv, parseMicros, type Env } from '@/lib/env';

const local = { DATABASE_URL: 'postgres://localhost/doorstep', AUTH_SECRET: 'local' };
const twilio = {
  TWILIO_ACCOUNT_SID: 'ACtest',
  TWILIO_AUTH_TOKEN: 'token',
  TWILIO_FROM_PHONE: '+15550100000',
};
const secret = 'x'.repeat(32);
const atPublic = {
  ...local,
  ...twilio,
  APP_URL: 'https://portal.example.com',
  AUTH_SECRET: secret,
  TRUSTED_PROXY_HOPS: '1',
  OPERATOR_NAME: 'Example Housing, Inc.',
  OPERATOR_CONTACT: 'help@example.com',
};

function accept(source: Record<string, string>): Env {
  const parsed = parseEnv(source);
  if (!parsed.ok) throw new Error(parsed.problems.join('\n'));
  return parsed.value;
}

function problemsOf(source: Record<string, string | undefined>): string[] {
  const parsed = parseEnv(source);
  return parsed.ok ? [] : parsed.problems;
}

describe('on localhost', () => {
  test('everything but database and secret has a default', () => {
    expect(accept(local)).toEqual({
      databaseUrl: local.DATABASE_URL,
      databaseOwnerUrl: null,
      appUrl: new URL('http://localhost:3000'),
      isPublic: false,
      port: 3000,
      authSecrets: ['local'],
      smsBackend: 'console',
      twilio: null,
      smsPricePerSegmentMicros: 7_900,
      smsCountryPricesMicros: {},
      smsDailyBudgetPerUserMicros: 80_000,
      smsDailyBudgetMicros: 20_000_000,
      smsCountries: ['US', 'CA'],
      smsMessagesPerSecond: null,
      smsCodesMessagesPerSecond: null,
      stopCoversAllFrom: new Date('2027-01-31T00:00:00Z'),
      upstash: null,
      breachedPasswordsUrl: null,
      alertWebhook: null,
      trustedProxyHops: 0,
      pumpingGuard: 'record',
      logLevel: 'info',
      metricsToken: null,
      mail: { via: 'console' },
      siteName: 'Doorstep',
      siteTagline: null,
      siteLogo: null,
      siteColors: null,
      operator: { name: null, contact: null },
      policiesEffectiveOn: null,
      nextStep: null,
      retention: { messagesDays: 1825, attemptsDays: 400, pendingDays: 7, applicationsDays: 1825 },
      preparesStatements: true,
      reportTimeZone: 'America/New_York',
    });
  });

  test('the zone of reports is one that everything can reckon in, under its canonical name', () => {
    expect(accept({ ...local, REPORT_TIME_ZONE: 'us/pacific' }).reportTimeZone).toBe('America/Los_Angeles');
    for (const zone of ['PST', '+05:00', 'Nowhere/Here']) {
      expect(problemsOf({ ...local, REPORT_TIME_ZONE: zone })).toEqual([
        `REPORT_TIME_ZONE must be a time zone of IANA such as America/Chicago, not "${zone}"`,
      ]);
    }
  });

  test('how long things are kept is said in whole days', () => {
    const { retention } = accept({
      ...local,
      RETENTION_MESSAGES_DAYS: '730',
      RETENTION_ATTEMPTS_DAYS: '90',
      RETENTION_PENDING_DAYS: '1',
    });
    expect(retention).toMatchObject({ messagesDays: 730, attemptsDays: 90, pendingDays: 1 });
    for (const days of ['0', '-1', '1.5', 'never', '7 days', '100000']) {
      for (const name of ['RETENTION_MESSAGES_DAYS', 'RETENTION_ATTEMPTS_DAYS', 'RETENTION_PENDING_DAYS']) {
        expect(problemsOf({ ...local, [name]: days })).toEqual([
          `${name} must be a whole number of days from 1 to 99999, not "${days}"`,
        ]);
      }
    }
  });

  test('the address follows the port', () => {
    expect(accept({ ...local, PORT: '8080' }).appUrl.origin).toBe('http://localhost:8080');
  });

  test('an empty or blank value counts as unset', () => {
    const names = [
      'PORT',
      'APP_URL',
      'SMS_BACKEND',
      'SMS_COUNTRIES',
      'PUMPING_GUARD',
      'LOG_LEVEL',
      'METRICS_TOKEN',
      'TRUSTED_PROXY_HOPS',
      'DATABASE_OWNER_URL',
      'DATABASE_PREPARED_STATEMENTS',
      'SITE_NAME',
      'SITE_TAGLINE',
      'SITE_LOGO',
      'SITE_ACCENT_COLOR',
      'OPERATOR_NAME',
      'OPERATOR_CONTACT',
      'POLICIES_EFFECTIVE_ON',
      ...Object.keys(twilio),
    ];
    const blank = Object.fromEntries(names.map((name, index) => [name, index % 2 ? '' : '  ']));
    expect(accept({ ...local, ...blank })).toEqual(accept(local));
  });

  test('the site is called what the settings say, in at most 20 characters that every text can carry', () => {
    for (const name of ['Elm', 'Elm & Oak: Homes', 'Éstado Ñuevo (§8)', 'Unit 247', 'W'.repeat(20)]) {
      expect(accept({ ...local, SITE_NAME: ` ${name} ` }).siteName).toBe(name);
    }
    for (const [name, problem] of [
      ['W'.repeat(21), 'must have at most 20 characters, not 21'],
      ['Elm’s', 'has "’", which would make texts longer or break them'],
      ['Elm\nHomes', 'has "\\n", which'],
      ['Elm {Homes}', 'has "{", which'],
      ['"Elm"', 'has "\\"", which'],
      ['Elm 🏠', 'has "🏠", which'],
      ['Homes 1234', 'has four digits in a row, which could be taken for a code'],
    ] as const) {
      const problems = problemsOf({ ...local, SITE_NAME: name });
      expect(problems).toEqual([expect.stringContaining(`SITE_NAME ${problem}`)]);
      expect(problems[0]).not.toContain('\n');
    }
  });

  test('the site looks as the settings say, and what it cannot look like is refused in one line each', () => {
    const { siteTagline, siteLogo, siteColors } = accept({
      ...local,
      SITE_TAGLINE: ' Apply for a home in Elm County ',
      SITE_LOGO: 'tests/support/wordmark.svg',
      SITE_ACCENT_COLOR: '#1d4ed8',
    });
    expect(siteTagline).toBe('Apply for a home in Elm County');
    expect(siteLogo).toMatchObject({ type: 'image/svg+xml', width: 200, height: 48 });
    expect(siteColors?.light.accent).toBe('#1d4ed8');
    expect(
      problemsOf({
        ...local,
        SITE_TAGLINE: 'x'.repeat(121),
        SITE_LOGO: 'none.svg',
        SITE_ACCENT_COLOR: '#ffcc00',
      }),
    ).toEqual([
      'SITE_TAGLINE must be one line of at most 120 characters',
      'SITE_LOGO names no file: "none.svg"',
      'SITE_ACCENT_COLOR is too light to be seen on a light page: its contrast is 1.3:1, and it needs 3:1 at least. Choose a darker shade of #ffcc00',
    ]);
    for (const color of ['teal', '0c6350', '#0c63', '#0c635', 'rgb(0 0 0)']) {
      expect(problemsOf({ ...local, SITE_ACCENT_COLOR: color })).toEqual([
        `SITE_ACCENT_COLOR must be a color such as #0c6350, not "${color}"`,
      ]);
    }
  });

  test('the operator is whoever the settings name, in one line each', () => {
    const named = { OPERATOR_NAME: ' Example Housing, Inc. ', OPERATOR_CONTACT: 'help@example.com' };
    expect(accept({ ...local, ...named }).operator).toEqual({
      name: 'Example Housing, Inc.',
      contact: 'help@example.com',
    });
    expect(
      problemsOf({ ...local, OPERATOR_NAME: 'Example\nHousing', OPERATOR_CONTACT: 'x'.repeat(201) }),
    ).toEqual([
      'OPERATOR_NAME must be one line of at most 100 characters',
      'OPERATOR_CONTACT must be one line of at most 200 characters',
    ]);
  });

  test('people apply on another site where its address and the words of the link are set', () => {
    const next = { NEXT_STEP_URL: 'http://localhost:4000/apply?from=door', NEXT_STEP_LABEL: ' Go on ' };
    expect(accept({ ...local, ...next }).nextStep).toEqual({ url: next.NEXT_STEP_URL, label: 'Go on' });
    expect(problemsOf({ ...local, NEXT_STEP_URL: next.NEXT_STEP_URL })).toEqual([
      'NEXT_STEP_LABEL is missing while NEXT_STEP_URL is set',
    ]);
    expect(problemsOf({ ...local, NEXT_STEP_LABEL: 'Go on' })).toEqual([
      'NEXT_STEP_URL is missing while NEXT_STEP_LABEL is set',
    ]);
    for (const url of ['javascript:alert(1)', '/apply', 'apply.example.com', 'ftp://apply.example.com']) {
      expect(problemsOf({ ...local, ...next, NEXT_STEP_URL: url })).toEqual([
        'NEXT_STEP_URL must be an http or https URL',
      ]);
    }
    expect(problemsOf({ ...local, ...next, NEXT_STEP_LABEL: 'x'.repeat(61) })).toEqual([
      'NEXT_STEP_LABEL must be one line of at most 60 characters',
    ]);
    expect(problemsOf({ ...atPublic, ...next })).toEqual([
      'NEXT_STEP_URL must be an https URL because APP_URL is not on localhost',
    ]);
    const secure = 'https://apply.example.com/start';
    expect(accept({ ...atPublic, ...next, NEXT_STEP_URL: secure }).nextStep?.url).toBe(secure);
  });

  test('NODE_ENV decides nothing', () => {
    for (const mode of ['production', 'development', 'test']) {
      expect(accept({ ...local, NODE_ENV: mode })).toEqual(accept(local));
    }
  });

  test('complete Twilio variables choose Twilio at one message a second', () => {
    const settings = accept({ ...local, ...twilio, TWILIO_API_BASE_URL: 'http://localhost:4010/' });
    expect(settings.smsBackend).toBe('twilio');
    expect(settings.smsMessagesPerSecond).toBe(1);
    expect(settings.twilio).toEqual({
      accountSid: 'ACtest',
      authTokens: ['token'],
      codesSender: null,
      sender: { fromPhone: '+15550100000' },
      apiBaseUrl: 'http://localhost:4010',
    });
  });

  test('SMS_BACKEND=console wins over Twilio variables', () => {
    expect(accept({ ...local, ...twilio, SMS_BACKEND: 'console' }).twilio).toBeNull();
  });

  test('a second sender for codes has its own number or service, and its own pace', () => {
    const codes = { ...local, ...twilio, SMS_MESSAGES_PER_SECOND: '3' };
    const byNumber = accept({ ...codes, TWILIO_CODES_FROM_PHONE: '+1 555 010 0001' });
    expect(byNumber.twilio?.codesSender).toEqual({ fromPhone: '+15550100001' });
    expect(byNumber.smsCodesMessagesPerSecond).toBe(3);
    const byService = accept({
      ...codes,
      TWILIO_CODES_FROM_PHONE: '+15550100001',
      TWILIO_CODES_MESSAGING_SERVICE_SID: 'MGcodes',
      SMS_CODES_MESSAGES_PER_SECOND: '100',
    });
    expect(byService.twilio?.codesSender).toEqual({ messagingServiceSid: 'MGcodes' });
    expect(byService.smsCodesMessagesPerSecond).toBe(100);
  });

  test('a sender whose provider keeps the pace itself may have none here', () => {
    const none = accept({ ...local, ...twilio, SMS_MESSAGES_PER_SECOND: 'unlimited' });
    expect([none.smsMessagesPerSecond, none.smsCodesMessagesPerSecond]).toEqual([null, null]);
    const codesAlone = accept({ ...local, ...twilio, SMS_CODES_MESSAGES_PER_SECOND: 'unlimited' });
    expect([codesAlone.smsMessagesPerSecond, codesAlone.smsCodesMessagesPerSecond]).toEqual([1, null]);
  });

  test.each([
    [{ TWILIO_CODES_FROM_PHONE: twilio.TWILIO_FROM_PHONE }, /must name another sender/],
    [{ TWILIO_CODES_FROM_PHONE: '0100001' }, /^TWILIO_CODES_FROM_PHONE must be a number/],
    [
      { TWILIO_CODES_MESSAGING_SERVICE_SID: 'codes' },
      /^TWILIO_CODES_MESSAGING_SERVICE_SID must begin with MG/,
    ],
    [
      { POLICIES_EFFECTIVE_ON: 'today' },
      /^POLICIES_EFFECTIVE_ON must be a day such as 2027-01-31, not "today"/,
    ],
    [{ STOP_COVERS_ALL_FROM: '2027-02-30' }, /^STOP_COVERS_ALL_FROM must be a day such as 2027-01-31/],
  ])('%o is refused', (change, words) => {
    expect(problemsOf({ ...local, ...twilio, ...change })).toEqual([expect.stringMatching(words)]);
  });

  test('the day from which a STOP covers everything is set, or never comes', () => {
    expect(accept({ ...local, STOP_COVERS_ALL_FROM: '2028-01-31' }).stopCoversAllFrom).toEqual(
      new Date('2028-01-31T00:00:00Z'),
    );
    expect(accept({ ...local, STOP_COVERS_ALL_FROM: 'never' }).stopCoversAllFrom).toBeNull();
  });

  test('the day of the policies is kept as it is set', () => {
    expect(accept({ ...local, POLICIES_EFFECTIVE_ON: '2028-01-31' }).policiesEffectiveOn).toBe('2028-01-31');
  });

  test('a messaging service is used instead of the from-number', () => {
    const both = accept({ ...local, ...twilio, TWILIO_MESSAGING_SERVICE_SID: 'MGtest' });
    const alone = accept({
      ...local,
      ...twilio,
      TWILIO_FROM_PHONE: '',
      TWILIO_MESSAGING_SERVICE_SID: 'MGtest',
    });
    expect(both.twilio?.sender).toEqual({ messagingServiceSid: 'MGtest' });
    expect(alone.twilio?.sender).toEqual({ messagingServiceSid: 'MGtest' });
  });
});

describe('on a public address', () => {
  test('https, Twilio, a long secret and the operator are enough', () => {
    expect(accept(atPublic)).toMatchObject({ isPublic: true, smsBackend: 'twilio', authSecrets: [secret] });
  });

  test.each([
    ['plain http', { APP_URL: 'http://portal.example.com' }, 'APP_URL'],
    ['no secret', { AUTH_SECRET: '' }, 'AUTH_SECRET'],
    ['a secret of 31 bytes', { AUTH_SECRET: 'x'.repeat(31) }, 'AUTH_SECRET'],
    ['a short older secret', { AUTH_SECRET: `${secret},short` }, 'AUTH_SECRET'],
    ['the console backend', { SMS_BACKEND: 'console' }, 'SMS_BACKEND'],
    ['no word on the proxies in front', { TRUSTED_PROXY_HOPS: '' }, 'TRUSTED_PROXY_HOPS'],
    ['no word on who runs the site', { OPERATOR_NAME: '' }, 'OPERATOR_NAME'],
    ['no way to reach who runs it', { OPERATOR_CONTACT: ' ' }, 'OPERATOR_CONTACT'],
    ['an empty Twilio token', { TWILIO_AUTH_TOKEN: '' }, 'TWILIO_AUTH_TOKEN'],
    [
      'a malformed messaging service without a number',
      { TWILIO_MESSAGING_SERVICE_SID: 'service', TWILIO_FROM_PHONE: '' },
      'TWILIO_MESSAGING_SERVICE_SID',
    ],
    ['a list without a Twilio token', { TWILIO_AUTH_TOKEN: ' , ' }, 'TWILIO_AUTH_TOKEN'],
  ])('%s is refused in one line that names the variable', (_, change, name) => {
    const problems = problemsOf({ ...atPublic, ...change });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} [^\\n]+$`));
  });

  test('all problems are told at once', () => {
    expect(problemsOf({ APP_URL: 'http://portal.example.com' }).map((line) => line.split(' ')[0])).toEqual([
      'APP_URL',
      'DATABASE_URL',
      'AUTH_SECRET',
      'TWILIO_ACCOUNT_SID',
      'TWILIO_AUTH_TOKEN',
      'TWILIO_FROM_PHONE',
      'TRUSTED_PROXY_HOPS',
      'OPERATOR_NAME',
      'OPERATOR_CONTACT',
    ]);
  });
});

test.each([
  ['PORT', 'http'],
  ['PORT', '0'],
  ['PORT', '65536'],
  ['APP_URL', 'portal.example.com'],
  ['APP_URL', 'https://portal.example.com/path'],
  ['APP_URL', 'ftp://localhost'],
  ['DATABASE_URL', 'mysql://localhost/x'],
  ['DATABASE_OWNER_URL', 'mysql://localhost/x'],
  ['SMS_BACKEND', 'pigeon'],
  ['TWILIO_API_BASE_URL', 'localhost:1'],
  ['BREACHED_PASSWORDS_URL', 'http://api.example.com/range'],
  ['BREACHED_PASSWORDS_URL', 'https://api.example.com/range?mode=ntlm'],
  ['BREACHED_PASSWORDS_URL', 'api.example.com'],
  ['SMS_PRICE_PER_SEGMENT_USD', '0,0079'],
  ['SMS_PRICE_PER_SEGMENT_USD', '-1'],
  ['SMS_PRICE_PER_SEGMENT_USD', '0.0079,UK:0.04'],
  ['SMS_PRICE_PER_SEGMENT_USD', '0.0079,:0.04'],
  ['SMS_PRICE_PER_SEGMENT_USD', '0.0079,GB:'],
  ['SMS_PRICE_PER_SEGMENT_USD', '0.0079,GB:CA:0.04'],
  ['SMS_PRICE_PER_SEGMENT_USD', '0.0079,GB:0.04,GB:0.05'],
  ['SMS_PRICE_PER_SEGMENT_USD', 'US:0,0079'],
  ['SMS_PRICE_PER_SEGMENT_USD', '0.0079,'],
  ['SMS_DAILY_BUDGET_PER_USER_USD', '0.0000001'],
  ['SMS_DAILY_BUDGET_USD', '1e3'],
  ['SMS_COUNTRIES', 'US,UK'],
  ['SMS_COUNTRIES', 'US,,CA'],
  ['SMS_MESSAGES_PER_SECOND', '0'],
  ['SMS_MESSAGES_PER_SECOND', 'fast'],
  ['TRUSTED_PROXY_HOPS', '-1'],
  ['TRUSTED_PROXY_HOPS', '1.5'],
  ['PUMPING_GUARD', 'on'],
  ['DATABASE_PREPARED_STATEMENTS', 'yes'],
  ['LOG_LEVEL', 'loud'],
  ['METRICS_TOKEN', 'two words of a token'],
  ['METRICS_TOKEN', 'tökens-of-the-monitor'],
  ['METRICS_TOKEN', 'x'.repeat(15)],
])('%s=%s is refused in one line', (name, value) => {
  const problems = problemsOf({ ...local, [name]: value });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(new RegExp(`^${name} `));
});

test.each(Object.keys(twilio))('%s alone asks for what is missing beside it', (name) => {
  const problems = problemsOf({ ...local, [name]: twilio[name as keyof typeof twilio] });
  expect(problems.map((line) => line.split(' ')[0])).toEqual(
    Object.keys(twilio).filter((other) => other !== name),
  );
});

test('half of the Redis variables is refused by the name of the other half', () => {
  expect(problemsOf({ ...local, UPSTASH_REDIS_REST_URL: 'https://redis.example.com' })[0]).toMatch(
    /^UPSTASH_REDIS_REST_TOKEN /,
  );
  expect(problemsOf({ ...local, UPSTASH_REDIS_REST_TOKEN: 't' })[0]).toMatch(/^UPSTASH_REDIS_REST_URL /);
});

test('alarms are told at an https address, or on this machine, beside a secret', () => {
  const alerts = (ALERT_WEBHOOK_URL: string, ALERT_WEBHOOK_SECRET = 'a secret for alerts') => ({
    ...local,
    ALERT_WEBHOOK_URL,
    ALERT_WEBHOOK_SECRET,
  });
  for (const url of ['https://alerts.example.com/hook?token=secret-token', 'http://127.0.0.1:9000/']) {
    expect(accept(alerts(url)).alertWebhook).toEqual({ url, secret: 'a secret for alerts' });
  }
  for (const url of [
    'http://alerts.example.com/secret-token',
    'https://me:secret-token@alerts.example.com',
    'ftp://localhost/secret-token',
    'secret-token',
  ]) {
    expect(problemsOf(alerts(url))).toEqual([
      'ALERT_WEBHOOK_URL must be an https URL without a user name or password',
    ]);
  }
  expect(problemsOf(alerts('https://alerts.example.com', ' '))).toEqual([
    'ALERT_WEBHOOK_SECRET is missing while ALERT_WEBHOOK_URL is set',
  ]);
  for (const short of ['x'.repeat(15), ` ${'x'.repeat(15)} `]) {
    expect(problemsOf(alerts('https://alerts.example.com', short))).toEqual([
      'ALERT_WEBHOOK_SECRET must have 16 characters or more (openssl rand -hex 32)',
    ]);
  }
  expect(accept(alerts('https://alerts.example.com', 'x'.repeat(16))).alertWebhook).not.toBeNull();
  expect(accept({ ...local, METRICS_TOKEN: 'x'.repeat(16) }).metricsToken).toBe('x'.repeat(16));
  expect(problemsOf({ ...local, ALERT_WEBHOOK_SECRET: 'a secret for alerts' })).toEqual([
    'ALERT_WEBHOOK_URL is missing while ALERT_WEBHOOK_SECRET is set',
  ]);
});

test('mail goes by SMTP where both variables are set, to the console on localhost, and nowhere in public without them', () => {
  const smtp = { SMTP_URL: 'smtp://me:secret@mail.example.com', MAIL_FROM: 'no-reply@example.com' };
  const via = { via: 'smtp', url: smtp.SMTP_URL, from: smtp.MAIL_FROM };
  expect(accept({ ...local, ...smtp }).mail).toEqual(via);
  expect(accept({ ...atPublic, ...smtp }).mail).toEqual(via);
  expect(accept(local).mail).toEqual({ via: 'console' });
  expect(accept(atPublic).mail).toEqual({ via: 'off' });
});

test('half of the mail variables is refused by the name of the other half, and no line repeats a password', () => {
  expect(problemsOf({ ...local, SMTP_URL: 'smtp://me:secret@mail.example.com' })).toEqual([
    'MAIL_FROM is missing while SMTP_URL is set',
  ]);
  expect(problemsOf({ ...local, MAIL_FROM: 'a@example.com' })).toEqual([
    'SMTP_URL is missing while MAIL_FROM is set',
  ]);
  for (const url of [
    'me:secret@mail',
    'http://me:secret@mail',
    'smtp://me:secret@',
    'smtp://me:secret@h?tls=no',
  ]) {
    const problems = problemsOf({ ...local, SMTP_URL: url, MAIL_FROM: 'a@example.com' });
    expect(problems).toEqual([expect.stringMatching(/^SMTP_URL must be a URL such as /)]);
    expect(problems[0]).not.toContain('secret');
  }
  for (const from of ['Us <a@example.com>', 'a', 'a@b, c@d', 'a@example.com\r\nBcc: b@example.com']) {
    expect(problemsOf({ ...local, SMTP_URL: 'smtp://mail', MAIL_FROM: from })).toEqual([
      expect.stringMatching(/^MAIL_FROM must be one email address/),
    ]);
  }
});

test('the number of proxies is only asked for in public, and none is an answer', () => {
  expect(accept({ ...atPublic, TRUSTED_PROXY_HOPS: '0' }).trustedProxyHops).toBe(0);
  expect(accept(local).trustedProxyHops).toBe(0);
});

test.each([
  ['0.0079,GB:0.04', 7_900, { GB: 40_000 }],
  [' 0.01 , gb : 0.04 ,DE:0.1', 10_000, { GB: 40_000, DE: 100_000 }],
  ['US:0.0083', 7_900, { US: 8_300 }],
])('the price %j is one for all, and countries with their own', (value, all, own) => {
  expect(accept({ ...local, SMS_PRICE_PER_SEGMENT_USD: value })).toMatchObject({
    smsPricePerSegmentMicros: all,
    smsCountryPricesMicros: own,
  });
});

test('several secrets stay in their order', () => {
  expect(accept({ ...local, AUTH_SECRET: 'new, old ,older' }).authSecrets).toEqual(['new', 'old', 'older']);
});

test('no problem line repeats a secret', () => {
  const lines = problemsOf({
    ...atPublic,
    AUTH_SECRET: 'hush-hush',
    TWILIO_ACCOUNT_SID: 'hush-hush',
    DATABASE_URL: 'mysql://user:hush-hush@localhost/x',
    DATABASE_OWNER_URL: 'mysql://owner:hush-hush@localhost/x',
    APP_URL: 'https://user:hush-hush@portal.example.com',
  });
  expect(lines.length).toBeGreaterThan(2);
  expect(lines.join('\n')).not.toContain('hush');
});

test('money is exact to the millionth, whatever its spelling', () => {
  fc.assert(
    fc.property(fc.nat(999_999_999), fc.nat(999_999), fc.nat(3), (dollars, micros, zeros) => {
      const text = `${dollars}.${String(micros).padStart(6, '0')}${'0'.repeat(zeros)}`;
      expect(parseMicros(text)).toBe(dollars * 1_000_000 + micros);
    }),
  );
  expect(parseMicros('.5')).toBe(500_000);
  expect(parseMicros('.')).toBeNull();
  expect(parseMicros('9999999999')).toBeNull();
});

test.each([
  ['localhost', true],
  ['LOCALHOST', true],
  ['app.localhost', true],
  ['localhost.', true],
  ['127.0.0.1', true],
  ['127.255.0.9', true],
  ['[::1]', true],
  ['127.0.0.256', false],
  ['127.0.0.1.example.com', false],
  ['localhost.example.com', false],
  ['notlocalhost', false],
  ['0.0.0.0', false],
  ['192.168.0.1', false],
  ['', false],
])('%s is a name of this machine alone: %s', (hostname, expected) => {
  expect(isLoopbackHostname(hostname)).toBe(expected);
});
