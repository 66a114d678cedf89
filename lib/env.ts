import { getCountries, type CountryCode } from 'libphonenumber-js/min';
import { z } from 'zod';
import { deriveColors, type SiteColors } from './site-colors';
import { readSiteLogo, type SiteLogo } from './site-logo';
import { canonicalZone } from './time-zones';

/** Every setting of the project, checked; money is in whole millionths of a dollar (micros). */
export type Env = {
  databaseUrl: string;
  /** Migrates, while the role of `databaseUrl` owns nothing; null: one role for both, or someone else migrates. */
  databaseOwnerUrl: string | null;
  appUrl: URL;
  /** Whether APP_URL names something else than this machine: then https, Twilio, AUTH_SECRET and the operator are required. */
  /** Not where a pooler stands in front of the database that knows no prepared statements. */
  preparesStatements: boolean;
  isPublic: boolean;
  port: number;
  /** The first signs, all are accepted. */
  authSecrets: [string, ...string[]];
  smsBackend: 'console' | 'twilio';
  /** Not null exactly when the backend is `twilio`. */
  twilio: TwilioSettings | null;
  smsPricePerSegmentMicros: number;
  /** Where a country's own price was given. */
  smsCountryPricesMicros: Partial<Record<CountryCode, number>>;
  smsDailyBudgetPerUserMicros: number;
  smsDailyBudgetMicros: number;
  smsCountries: CountryCode[];
  /** Of the sender of updates, over all processes; null means without limit. */
  smsMessagesPerSecond: number | null;
  /** The same of the sender of codes, where there is one. */
  smsCodesMessagesPerSecond: number | null;
  /** A STOP to the sender of updates covers codes, too, from then on; null: it never does. */
  stopCoversAllFrom: Date | null;
  upstash: { url: string; token: string } | null;
  /** Of a service that knows leaked passwords, without a slash at the end; null: the list that is shipped is all. */
  breachedPasswordsUrl: string | null;
  mail: MailSettings;
  /** Where alarms are told; null: nowhere but on the page and in the log. */
  alertWebhook: AlertWebhook | null;
  trustedProxyHops: number;
  /** Whether codes nobody enters close number ranges and networks (docs/pumping.md): not counted, only written down, or done. */
  pumpingGuard: PumpingGuard;
  logLevel: LogLevel;
  /** Who may read `/api/metrics` in public; null: nobody, and on localhost whoever is on this machine. */
  metricsToken: string | null;
  /** The name that pages and texts speak in. */
  siteName: string;
  /** What the site is for, in the operator's words; null: general ones. */
  siteTagline: string | null;
  /** In place of Doorstep's own mark; null: none. */
  siteLogo: SiteLogo | null;
  /** In the place of the colors of `app/globals.css`; null: those. */
  siteColors: SiteColors | null;
  operator: Operator;
  /** `YYYY-MM-DD`: since when the operator's settings are in the policies as they are; null: since their words are. */
  policiesEffectiveOn: string | null;
  /** Where people apply, when that is not here; null: here. */
  nextStep: NextStep | null;
  retention: Retention;
  /** Whose days reports count: a canonical IANA name. */
  reportTimeZone: string;
};

/** What gets each alarm by a signed POST. */
export type AlertWebhook = { url: string; secret: string };

/** Another site on which people apply, and what the link to it says. */
export type NextStep = { url: string; label: string };

/** After how many days what is about someone goes (docs/compliance.md). */
export type Retention = {
  /** Texts: what they say, to whom. */
  messagesDays: number;
  /** Attempts to verify, challenges, and the addresses and browsers of the audit log. */
  attemptsDays: number;
  /** Accounts that nobody finished registering. */
  pendingDays: number;
  /** Applications that were decided or withdrawn, from then on; drafts, since they were last saved. */
  applicationsDays: number;
};

/**
 * Who runs this installation, as pages and consents say it; null, on localhost only, where they say "the operator of this site".
 */
export type Operator = {
  name: string | null;
  /** An email address, a web address, or plain words such as a postal address. */
  contact: string | null;
};

export type LogLevel = (typeof logLevels)[number];

export type PumpingGuard = (typeof pumpingGuards)[number];

export type TwilioSettings = {
  accountSid: string;
  /** Newest first: the first signs requests to Twilio, webhooks signed with any are accepted. */
  authTokens: [string, ...string[]];
  sender: TwilioSender;
  /** A second one, for codes alone; null: there is one for all. */
  codesSender: TwilioSender | null;
  /** Without a slash at the end; null means Twilio's own. */
  apiBaseUrl: string | null;
};

/** A messaging service is used instead of the from-number when both are set. */
export type TwilioSender = { messagingServiceSid: string } | { fromPhone: string };

/**
 * How mail goes out. `console`, on localhost only: printed, and shown at /dev/mail. `off`, in public without SMTP_URL: what
 * needs mail is not offered.
 */
export type MailSettings = { via: 'smtp'; url: string; from: string } | { via: 'console' } | { via: 'off' };

export type EnvSource = Record<string, string | undefined>;

const logLevels = ['debug', 'info', 'warn', 'error'] as const;
const pumpingGuards = ['off', 'record', 'enforce'] as const;
const onOrOff = ['on', 'off'] as const;
const minSecretBytes = 32;

/** What a monitor shows, and what alerts are signed with. */
const minTokenLength = 16;
const knownCountries = new Set<string>(getCountries());

/** Whether a host name, as in `URL.hostname` or a Host header without its port, can only mean this machine. */
export function isLoopbackHostname(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, '');
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  if (name === '[::1]' || name === '::1') return true;
  return (
    /^127\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/
      .exec(name)
      ?.slice(1)
      .every((part) => Number(part) <= 255) ?? false
  );
}

/**
 * Reads a decimal number of dollars as whole millionths, digit by digit, so that no floating point is involved.
 * Null when it is no plain decimal, is finer than a millionth, or is too large to be counted exactly.
 */
export function parseMicros(decimal: string): number | null {
  const match = /^(\d{0,9})(?:\.(\d*))?$/.exec(decimal);
  if (!match || !/\d/.test(decimal)) return null;
  const whole = match[1] || '0';
  const fraction = (match[2] ?? '').replace(/0+$/, '');
  if (fraction.length > 6) return null;
  return Number(whole) * 1_000_000 + Number(fraction.padEnd(6, '0'));
}

/**
 * Turns environment variables into settings. An empty or blank value counts as unset.
 * Refuses with all problems at once, one line each, every line beginning with the variable's name; no line repeats a
 * secret. What decides between the rules for localhost and for the public is APP_URL, never NODE_ENV.
 */
export function parseEnv(
  source: EnvSource,
): { ok: true; value: Env } | { ok: false; reason: 'invalid'; problems: string[] } {
  const problems: string[] = [];
  const given = (name: string) => source[name]?.trim() || undefined;
  /** Undefined where it is refused, whatever the type says: such a value never leaves this function. */
  const read: Read = (name, schema) => {
    const { data, error } = schema.safeParse(given(name));
    for (const { message } of error?.issues ?? []) problems.push(`${name} ${message}`);
    return data as z.output<typeof schema>;
  };

  const port = read('PORT', wholeNumber(1, 65_535).prefault('3000'));
  const appUrl = read('APP_URL', origin.prefault(`http://localhost:${port ?? 3000}`));
  const isPublic = !isLoopbackHostname(appUrl?.hostname ?? 'localhost');
  if (isPublic && appUrl.protocol !== 'https:') {
    problems.push('APP_URL must begin with https:// because it is not on localhost');
  }
  const databaseUrl = read(
    'DATABASE_URL',
    postgresUrl('user', 'is missing: set it to a PostgreSQL 15 or newer'),
  );
  const databaseOwnerUrl = read('DATABASE_OWNER_URL', postgresUrl('owner').optional()) ?? null;
  const authSecrets = read('AUTH_SECRET', secrets(isPublic));
  read('SMS_BACKEND', backend(isPublic));
  const whyTwilio = findTwilioReason(given, isPublic);
  const twilio =
    whyTwilio === null ? null : readTwilio(read, given, whyTwilio, (problem) => problems.push(problem));
  const apiBaseUrl = read('TWILIO_API_BASE_URL', httpUrl().optional())?.replace(/\/+$/, '') ?? null;
  const readPace = (name: string, otherwise: number | null) => {
    const given = read(name, pace.optional());
    return given === undefined ? otherwise : given;
  };
  const messagesPerSecond = readPace('SMS_MESSAGES_PER_SECOND', twilio ? 1 : null);
  const price = read('SMS_PRICE_PER_SEGMENT_USD', prices.prefault('0.0079'));
  const redisUrl = read('UPSTASH_REDIS_REST_URL', beside(given, 'UPSTASH_REDIS_REST_TOKEN', httpUrl));
  const redisToken = read(
    'UPSTASH_REDIS_REST_TOKEN',
    beside(given, 'UPSTASH_REDIS_REST_URL', (missing) => z.string(missing)),
  );
  const smtpUrl = read('SMTP_URL', beside(given, 'MAIL_FROM', mailServer));
  const mailFrom = read('MAIL_FROM', beside(given, 'SMTP_URL', mailSender));
  const nextUrl = read(
    'NEXT_STEP_URL',
    beside(given, 'NEXT_STEP_LABEL', (missing) => nextStepUrl(isPublic, missing)),
  );
  const nextLabel = read(
    'NEXT_STEP_LABEL',
    beside(given, 'NEXT_STEP_URL', (missing) => oneLine(60, missing)),
  );
  const alertUrl = read('ALERT_WEBHOOK_URL', beside(given, 'ALERT_WEBHOOK_SECRET', alertReceiver));
  const alertSecret = read('ALERT_WEBHOOK_SECRET', beside(given, 'ALERT_WEBHOOK_URL', alertSecretText));
  const value: Env = {
    databaseUrl,
    databaseOwnerUrl,
    preparesStatements:
      read('DATABASE_PREPARED_STATEMENTS', oneOf(onOrOff, 'on or off').prefault('on')) === 'on',
    appUrl,
    isPublic,
    port,
    authSecrets,
    smsBackend: twilio ? 'twilio' : 'console',
    twilio: twilio && { ...twilio, apiBaseUrl },
    smsPricePerSegmentMicros: price?.all,
    smsCountryPricesMicros: price?.own,
    smsDailyBudgetPerUserMicros: read('SMS_DAILY_BUDGET_PER_USER_USD', dollars('0.08')),
    smsDailyBudgetMicros: read('SMS_DAILY_BUDGET_USD', dollars('20')),
    smsCountries: read('SMS_COUNTRIES', countries.prefault('US,CA')),
    smsMessagesPerSecond: messagesPerSecond,
    smsCodesMessagesPerSecond: readPace('SMS_CODES_MESSAGES_PER_SECOND', messagesPerSecond),
    stopCoversAllFrom: read('STOP_COVERS_ALL_FROM', dayOrNever.prefault('2027-01-31')),
    upstash: redisUrl && redisToken ? { url: redisUrl, token: redisToken } : null,
    breachedPasswordsUrl:
      read('BREACHED_PASSWORDS_URL', rangeService.optional())?.replace(/\/+$/, '') ?? null,
    mail:
      smtpUrl && mailFrom
        ? { via: 'smtp', url: smtpUrl, from: mailFrom }
        : { via: isPublic ? 'off' : 'console' },
    alertWebhook: alertUrl && alertSecret ? { url: alertUrl, secret: alertSecret } : null,
    trustedProxyHops: read('TRUSTED_PROXY_HOPS', isPublic ? hops : hops.prefault('0')),
    pumpingGuard: read(
      'PUMPING_GUARD',
      oneOf(pumpingGuards, `one of ${pumpingGuards.join(', ')}`).prefault('record'),
    ),
    logLevel: read('LOG_LEVEL', oneOf(logLevels, `one of ${logLevels.join(', ')}`).prefault('info')),
    metricsToken: read('METRICS_TOKEN', bearerToken.optional()) ?? null,
    siteName: read('SITE_NAME', siteName.prefault('Doorstep')),
    siteTagline: read('SITE_TAGLINE', oneLine(120, '').optional()) ?? null,
    siteLogo: read('SITE_LOGO', made(readSiteLogo).optional()) ?? null,
    siteColors: read('SITE_ACCENT_COLOR', made(deriveColors).optional()) ?? null,
    operator: {
      name: read('OPERATOR_NAME', isPublic ? operatorName : operatorName.optional()) ?? null,
      contact: read('OPERATOR_CONTACT', isPublic ? operatorContact : operatorContact.optional()) ?? null,
    },
    policiesEffectiveOn: read('POLICIES_EFFECTIVE_ON', wholeDay.optional()) ?? null,
    nextStep: nextUrl && nextLabel ? { url: nextUrl, label: nextLabel } : null,
    reportTimeZone: read('REPORT_TIME_ZONE', zoneName.prefault('America/New_York')),
    retention: {
      messagesDays: read('RETENTION_MESSAGES_DAYS', days.prefault('1825')),
      attemptsDays: read('RETENTION_ATTEMPTS_DAYS', days.prefault('400')),
      pendingDays: read('RETENTION_PENDING_DAYS', days.prefault('7')),
      applicationsDays: read('RETENTION_APPLICATIONS_DAYS', days.prefault('1825')),
    },
  };
  return problems.length === 0 ? { ok: true, value } : { ok: false, reason: 'invalid', problems };
}

let memo: Env | undefined;

/** The settings of this process, read from its environment on first use; throws with every problem named. */
export function env(): Env {
  if (!memo) {
    const parsed = parseEnv(process.env);
    if (!parsed.ok) throw new Error(`The configuration is not usable:\n${parsed.problems.join('\n')}`);
    memo = parsed.value;
  }
  return memo;
}

type Given = (name: string) => string | undefined;
type Read = <T extends z.ZodType>(name: string, schema: T) => z.output<T>;

/** Takes what `fits`; the words of a refusal follow the variable's name. */
const textThat = (fits: (text: string) => boolean, refusal: (text: string) => string, missing?: string) =>
  z.string(missing).refine(fits, { error: ({ input }) => refusal(String(input)) });

/** What a function of another file makes of a text; its words of a refusal follow the variable's name. */
const made = <Value>(make: (text: string) => { ok: true; value: Value } | { ok: false; problem: string }) =>
  z.string().transform((text, context) => {
    const answer = make(text);
    if (answer.ok) return answer.value;
    context.addIssue(answer.problem);
    return z.NEVER;
  });

const wholeNumber = (least: number, most: number, { of = '', missing = '' } = {}) =>
  textThat(
    (text) => /^\d{1,5}$/.test(text) && Number(text) >= least && Number(text) <= most,
    (text) => `must be a whole number${of} from ${least} to ${most}, not "${text}"`,
    missing,
  ).transform(Number);

const days = wholeNumber(1, 99_999, { of: ' of days' });

const hops = wholeNumber(0, 99, {
  missing:
    'is missing: set it to the number of proxies in front (one nginx or load balancer: 1), else all people share one limit',
});

/** Messages a second; null: as many as there are. */
const pace = textThat(
  (text) => text === 'unlimited' || (/^\d{1,6}(\.\d{1,6})?$/.test(text) && Number(text) > 0),
  (text) => `must be a number above 0, or unlimited, not "${text}"`,
).transform((text) => (text === 'unlimited' ? null : Number(text)));

/** The beginning of a day in UTC; null: never. */
const dayOrNever = textThat(
  (text) => text === 'never' || isDay(text),
  (text) => `must be a day such as 2027-01-31, or never, not "${text}"`,
).transform((text) => (text === 'never' ? null : new Date(`${text}T00:00:00Z`)));

const wholeDay = textThat(isDay, (text) => `must be a day such as 2027-01-31, not "${text}"`);

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

const dollars = (fallback: string) =>
  textThat(
    (text) => parseMicros(text) !== null,
    (text) => `must be an amount of dollars with at most six decimals, such as ${fallback}, not "${text}"`,
  )
    .transform((text) => parseMicros(text) ?? 0)
    .prefault(fallback);

const origin = textThat(
  isOrigin,
  () => 'must be an origin such as https://portal.example.com, without path or query',
).transform((text) => new URL(text));

const postgresUrl = (role: string, missing?: string) =>
  textThat(
    (text) => /^postgres(ql)?:$/.test(protocolOf(text)),
    () => `must be a URL such as postgres://${role}:password@host:5432/name`,
    missing,
  );

const httpUrl = (missing?: string) =>
  textThat(
    (text) => /^https?:$/.test(protocolOf(text)),
    () => 'must be an http or https URL',
    missing,
  );

/** What can stand behind `Authorization: Bearer` (RFC 6750, 2.1); a refusal never repeats it. */
const bearerToken = textThat(
  (text) => text.length >= minTokenLength && /^[A-Za-z0-9._~+/-]+=*$/.test(text),
  () =>
    `must have ${minTokenLength} characters or more: letters, digits and . _ ~ + / - alone (openssl rand -hex 32)`,
);

const alertSecretText = (missing: string) =>
  textThat(
    (text) => text.length >= minTokenLength,
    () => `must have ${minTokenLength} characters or more (openssl rand -hex 32)`,
    missing,
  );

/** People who are signed in follow it from one https site to another. */
const nextStepUrl = (isPublic: boolean, missing: string) =>
  textThat(
    (text) => (isPublic ? /^https:$/ : /^https?:$/).test(protocolOf(text)),
    () =>
      isPublic ? 'must be an https URL because APP_URL is not on localhost' : 'must be an http or https URL',
    missing,
  );

/** Half a password's hash is nobody's business on the way; what is on this machine needs no TLS. */
const rangeService = textThat(
  (text) => {
    if (!/^https?:$/.test(protocolOf(text))) return false;
    const { protocol, hostname, search, hash } = new URL(text);
    return (protocol === 'https:' || isLoopbackHostname(hostname)) && search === '' && hash === '';
  },
  () => 'must be an https URL without a query, such as https://api.pwnedpasswords.com/range',
);

/** Its words never repeat the value: such addresses often hold a token. What is on this machine needs no TLS. */
const alertReceiver = (missing: string) =>
  textThat(
    (text) => {
      if (!/^https?:$/.test(protocolOf(text))) return false;
      const { protocol, hostname, username, password, hash } = new URL(text);
      return (protocol === 'https:' || isLoopbackHostname(hostname)) && !username && !password && hash === '';
    },
    () => 'must be an https URL without a user name or password',
    missing,
  );

/** Its words never repeat the value, which may hold a password. */
const mailServer = (missing: string) =>
  textThat(
    (text) =>
      /^smtps?:$/.test(protocolOf(text)) && new URL(text).hostname !== '' && new URL(text).search === '',
    () => 'must be a URL such as smtp://user:password@mail.example.com:587, or smtps:// with port 465',
    missing,
  );

const mailSender = (missing: string) =>
  textThat(
    (text) => /^[^\s@,;:<>()[\]\\"]{1,64}@[^\s@,;:<>()[\]\\"]{1,189}$/.test(text),
    () => 'must be one email address, such as no-reply@example.com, without a name',
    missing,
  );

const zoneName = textThat(
  (text) => canonicalZone(text) !== null,
  (text) => `must be a time zone of IANA such as America/Chicago, not "${text}"`,
).transform((text) => canonicalZone(text) ?? text);

const oneLine = (most: number, missing: string) =>
  textThat(
    (text) => !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text) && text.length <= most,
    () => `must be one line of at most ${most} characters`,
    missing,
  );

const operatorName = oneLine(
  100,
  'is missing: set it to the legal person that runs the site and sends its texts',
);

const operatorContact = oneLine(
  200,
  'is missing: set it to how people reach the operator (an email address, a web address, or plain words)',
);

/** It leads every text: nothing in it may cost a second segment, pass for a code, or end a quotation of the text early. */
const siteName = textThat(
  (text) => text.length <= 20,
  (text) => `must have at most 20 characters, not ${text.length}`,
)
  .refine((text) => !foreignToTexts.test(text), {
    error: ({ input }) =>
      `has ${JSON.stringify(foreignToTexts.exec(String(input))?.[0])}, which would make texts longer or break them: use plain letters (the GSM-7 basic alphabet, without double quotes)`,
  })
  .refine((text) => !/\d{4}/.test(text), 'has four digits in a row, which could be taken for a code');

/** No character of the GSM-7 basic alphabet (3GPP TS 23.038), or its double quote. */
const foreignToTexts = /[^@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !#¤%&'()*+,\-./0-9:;<=>?¡A-ZÄÖÑÜ§¿a-zäöñüà]/u;

const oneOf = <const T extends readonly string[]>(names: T, words: string) =>
  z
    .string()
    .toLowerCase()
    .pipe(z.enum(names, { error: ({ input }) => `must be ${words}, not "${String(input)}"` }));

/** Needed where its other half is set. */
const beside = <T extends z.ZodType>(given: Given, other: string, half: (missing: string) => T) =>
  given(other) === undefined ? half('').optional() : half(`is missing while ${other} is set`);

/** Several values, separated by commas. */
const list = (missing: string, empty = missing) =>
  z
    .string(missing)
    .transform((text) => splitList(text).filter((entry) => entry !== '') as [string, ...string[]])
    .refine((entries) => entries.length > 0, empty);

const secrets = (isPublic: boolean) =>
  list(`is missing: set it to at least ${minSecretBytes} random bytes (openssl rand -base64 48)`).refine(
    (all) => !isPublic || all.every((secret) => Buffer.byteLength(secret) >= minSecretBytes),
    `must have at least ${minSecretBytes} bytes (each one, when there are several)`,
  );

const country = z
  .string()
  .refine((text) => isCountry(text.toUpperCase()), {
    error: ({ input }) =>
      `must be ISO country codes separated by commas, such as US,CA: "${String(input)}" is none`,
  })
  .transform((text) => text.toUpperCase() as CountryCode);

const countries = z
  .string()
  .transform(splitList)
  .pipe(z.array(country))
  .transform((codes) => [...new Set(codes)]);

/** Reads `0.0079,GB:0.04`: first the price where no other is given, which may be left out, then countries with their own. */
const prices = z.string().transform((text, context) => {
  let all = 7_900;
  const own: Partial<Record<CountryCode, number>> = {};
  for (const [index, entry] of splitList(text).entries()) {
    const [, code, price = ''] = /^(?:([^:]*):)?([^:]*)$/.exec(entry) ?? [];
    const country = code?.trim().toUpperCase();
    const micros = parseMicros(price.trim());
    if (micros === null || (country !== undefined && !isCountry(country))) {
      context.addIssue(
        `must be dollars with at most six decimals, such as 0.0079 or 0.0079,GB:0.04: "${entry}" is none`,
      );
    } else if (country === undefined) {
      if (index > 0) context.addIssue(`has "${entry}" without a country: only the first may have none`);
      else all = micros;
    } else if (own[country] !== undefined) {
      context.addIssue(`has two prices for ${country}`);
    } else own[country] = micros;
  }
  return { all, own };
});

const backend = (isPublic: boolean) =>
  oneOf(['console', 'twilio'], 'console or twilio')
    .refine((name) => !isPublic || name === 'twilio', 'must be twilio because APP_URL is not on localhost')
    .optional();

/** Why texts go to Twilio, as a problem says it; null: they stay on the console, or SMS_BACKEND is refused. */
function findTwilioReason(given: Given, isPublic: boolean): string | null {
  const asked = given('SMS_BACKEND')?.toLowerCase();
  if (asked !== undefined) return asked === 'twilio' ? 'because SMS_BACKEND is twilio' : null;
  if (isPublic) return 'because APP_URL is not on localhost';
  const names = ['ACCOUNT_SID', 'AUTH_TOKEN', 'FROM_PHONE', 'MESSAGING_SERVICE_SID'];
  const codesNames = ['CODES_FROM_PHONE', 'CODES_MESSAGING_SERVICE_SID'];
  const isSome = [...names, ...codesNames].some((name) => given(`TWILIO_${name}`) !== undefined);
  return isSome ? 'because other TWILIO_ variables are set' : null;
}

function readTwilio(
  read: Read,
  given: Given,
  why: string,
  refuse: (problem: string) => void,
): Omit<TwilioSettings, 'apiBaseUrl'> {
  const missing = `is missing or empty: it is required ${why}`;
  const sid = (prefix: string) =>
    textThat(
      (text) => text.startsWith(prefix) && /^[0-9a-zA-Z]{3,}$/.test(text),
      () => `must begin with ${prefix}`,
      missing,
    );
  const accountSid = read('TWILIO_ACCOUNT_SID', sid('AC'));
  const authTokens = read('TWILIO_AUTH_TOKEN', list(missing, 'holds no token, only commas'));
  const readSender = (name: 'TWILIO_' | 'TWILIO_CODES_', isNeeded: boolean): TwilioSender | null => {
    const messagingServiceSid = read(`${name}MESSAGING_SERVICE_SID`, sid('MG').optional());
    const phone = z
      .string(`${missing} (or ${name}MESSAGING_SERVICE_SID in its place)`)
      .transform((text) => text.replace(/[\s().-]/g, ''))
      .refine(
        (text) => /^(\+[1-9]\d{6,14}|\d{5,6})$/.test(text),
        'must be a number in international form, such as +15550100000, or a short code',
      );
    const isService = given(`${name}MESSAGING_SERVICE_SID`) !== undefined;
    const fromPhone = read(`${name}FROM_PHONE`, isNeeded && !isService ? phone : phone.optional());
    if (messagingServiceSid) return { messagingServiceSid };
    return isNeeded ? { fromPhone: fromPhone ?? '' } : fromPhone === undefined ? null : { fromPhone };
  };
  const sender = readSender('TWILIO_', true)!;
  const codesSender = readSender('TWILIO_CODES_', false);
  if (codesSender !== null && nameTwilioSender(codesSender) === nameTwilioSender(sender)) {
    refuse(
      'TWILIO_CODES_FROM_PHONE and TWILIO_CODES_MESSAGING_SERVICE_SID must name another sender than the one of updates: a STOP to it would block codes, too',
    );
  }
  return { accountSid, authTokens, sender, codesSender };
}

/** A sender's name: its number, or the SID of its messaging service. */
export function nameTwilioSender(sender: TwilioSender): string {
  return 'fromPhone' in sender ? sender.fromPhone : sender.messagingServiceSid;
}

function isCountry(code: string): code is CountryCode {
  return knownCountries.has(code);
}

function splitList(text: string): string[] {
  return text.split(',').map((entry) => entry.trim());
}

function isOrigin(text: string): boolean {
  if (!/^https?:$/.test(protocolOf(text))) return false;
  const { pathname, search, hash, username, password } = new URL(text);
  return pathname === '/' && !search && !hash && !username && !password;
}

function protocolOf(text: string): string {
  return URL.canParse(text) ? new URL(text).protocol : '';
}
