import next from 'eslint-config-next/core-web-vitals';
import nextTypescript from 'eslint-config-next/typescript';

/** Who may import whom: app → lib → db, inside lib only downwards, components only components and pure files. */
const zone = (target, from, except, message) => ({ target, from, except, message });
const libRooms = {
  'rate-limits': [],
  phone: [],
  accounts: [],
  consent: [],
  mail: ['accounts', 'rate-limits'],
  sms: ['mail', 'phone', 'accounts', 'consent', 'rate-limits'],
  applications: ['mail', 'sms', 'phone', 'consent', 'accounts', 'rate-limits'],
  auth: ['applications', 'mail', 'sms', 'phone', 'consent', 'accounts', 'rate-limits'],
  alarms: ['sms', 'accounts'],
  reporting: ['alarms', 'applications', 'sms', 'phone', 'accounts', 'consent', 'rate-limits'],
  exports: ['reporting', 'auth', 'sms', 'phone', 'consent', 'accounts'],
  bulk: ['reporting', 'auth', 'applications', 'mail', 'sms', 'accounts', 'rate-limits'],
};
const smsRooms = {
  senders: [],
  numbers: ['senders'],
  capacity: ['senders'],
  webhooks: [],
  provider: ['senders'],
  pumping: ['capacity'],
  outbox: ['numbers', 'senders'],
  verification: ['outbox', 'numbers', 'capacity', 'pumping', 'senders'],
  preferences: ['verification', 'outbox', 'numbers'],
  delivery: ['provider', 'webhooks', 'outbox', 'numbers', 'capacity', 'senders'],
  dispatch: [
    'delivery',
    'preferences',
    'verification',
    'provider',
    'outbox',
    'numbers',
    'capacity',
    'pumping',
    'senders',
  ],
  inbound: [
    'preferences',
    'verification',
    'provider',
    'webhooks',
    'outbox',
    'numbers',
    'capacity',
    'senders',
  ],
};
const authRooms = {
  'sign-in': [],
  ending: ['two-factor', 'sign-in'],
  'two-factor': ['sign-in'],
  registration: ['ending', 'sign-in'],
  settings: ['registration', 'two-factor', 'sign-in'],
  recovery: ['registration', 'settings', 'two-factor', 'sign-in'],
  admin: ['registration', 'two-factor', 'sign-in'],
};
const shelves = {
  ui: [],
  inputs: ['ui'],
  forms: ['inputs', 'ui'],
  sms: ['ui'],
  charts: ['ui'],
  pages: ['ui'],
};
const pureForComponents = [
  './auth/registration/register-input.ts',
  './accounts/password-strength.ts',
  './accounts/common-passwords.ts',
  './consent/wording.ts',
  './phone/format.ts',
  './result.ts',
  './zone-city.ts',
];

const zones = [
  zone('./lib', './app', [], 'lib never imports app'),
  zone('./lib', './components', [], 'lib never imports components'),
  zone('./db', './app', [], 'db imports nothing above it'),
  zone('./db', './lib', ['./env.ts', './metrics'], 'db imports nothing above it but settings and meters'),
  zone('./bench', './app', [], 'the bench knows the site by HTTP alone'),
  zone('./bench', './components', [], 'the bench knows the site by HTTP alone'),
  zone('./db', './components', [], 'db imports nothing above it'),
  ...['./lib', './db', './app', './components', './scripts', './e2e'].map((room) =>
    zone(room, './bench', [], 'nothing but its own tests imports the bench'),
  ),
  zone('./components', './app', [], 'components get props'),
  zone('./components', './db', [], 'components get props'),
  zone('./components', './lib', pureForComponents, 'components import only components and pure files'),
  zone('./app', './db', ['./client.ts', './clock.ts'], 'app never touches tables: ask lib'),
  ...Object.entries(shelves).map(([shelf, below]) =>
    zone(
      `./components/${shelf}`,
      './components',
      [`./${shelf}`, ...below.map((name) => `./${name}`)],
      `components/${shelf} may import ${['itself', ...below].join(', ')} of components`,
    ),
  ),
  ...Object.entries(libRooms).map(([room, below]) =>
    zone(
      `./lib/${room}`,
      './lib',
      [
        `./${room}`,
        ...below.map((name) => `./${name}`),
        './env.ts',
        './metrics',
        './request-scope.ts',
        './result.ts',
        './audit.ts',
        './body-limit.ts',
        './csv.ts',
        './gather.ts',
        './few-at-once.ts',
        './once-a-day.ts',
        './stored-moment.ts',
        './outbox-listener.ts',
        './rounds.ts',
        './last-served.ts',
        './turns.ts',
        './context.ts',
        './cookie-names.ts',
        './random.ts',
        './keys.ts',
        './seal.ts',
        './log.ts',
        './client-address.ts',
        './time-zones.ts',
        './unicode.ts',
        './zone-city.ts',
      ],
      `lib/${room} may import ${['itself', ...below].join(', ')} and the files beside the rooms`,
    ),
  ),
  zone('./lib/metrics', './lib', ['./metrics', './log.ts'], 'lib/metrics imports nothing but the log'),
  ...Object.entries({ sms: smsRooms, auth: authRooms }).flatMap(([name, rooms]) =>
    Object.entries(rooms).map(([room, below]) =>
      zone(
        `./lib/${name}/${room}`,
        `./lib/${name}`,
        [`./${room}`, ...below.map((each) => `./${each}`)],
        `lib/${name}/${room} may import ${['itself', ...below].join(', ')} of lib/${name}`,
      ),
    ),
  ),
];

const noSdk = {
  selector:
    'ImportDeclaration[source.value=/^twilio(\\/|$)/], ImportExpression[source.value=/^twilio(\\/|$)/]',
  message: 'only lib/sms/provider/twilio.ts and lib/sms/webhooks/signature.ts import the SDK',
};
const noOwnClock = {
  selector: "NewExpression[callee.name='Date'][arguments.length=0]",
  message: "what is stored or compared goes by the database's clock: databaseNow()",
};

const config = [
  {
    ignores: [
      '.next/**',
      '.data/**',
      'db/migrations/**',
      'next-env.d.ts',
      'test-results/**',
      'playwright-report/**',
    ],
  },
  ...next,
  ...nextTypescript,
  {
    settings: { 'import/resolver': { typescript: true, node: true } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'import/no-restricted-paths': ['error', { zones }],
      'import/no-duplicates': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      // Links load whole pages on purpose: every page works without JavaScript and none prefetches another.
      '@next/next/no-html-link-for-pages': 'off',
    },
  },
  { files: ['scripts/**', 'tests/**', 'e2e/**', 'bench/**'], rules: { 'react-hooks/rules-of-hooks': 'off' } },
  {
    files: ['lib/**/*.ts', 'db/**/*.ts'],
    ignores: ['lib/auth/sign-in/session.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['next', 'next/*', 'next-auth', 'next-auth/*'],
              message: 'only lib/auth/sign-in/session.ts knows Next',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['app/**', 'components/**', 'lib/**', 'scripts/**', 'db/**'],
    ignores: ['lib/sms/provider/twilio.ts', 'lib/sms/webhooks/signature.ts'],
    rules: { 'no-restricted-syntax': ['error', noSdk] },
  },
  { files: ['app/**'], rules: { 'no-restricted-syntax': ['error', noSdk, noOwnClock] } },
];

export default config;
