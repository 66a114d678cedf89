import { getCountries, type CountryCode } from 'libphonenumber-js/min';

/** Every setting of the project, checked; money is in whole millionths of a dollar (micros). */
export type Env = {
  databaseUrl: string;
  /** Migrates, while the role of `databaseUrl` owns nothing; null: one role for both, or somebody else migrates. */
  databaseOwnerUrl: string | null;
  appUrl: URL;
  /** Whether APP_URL names something else than this machine: then https, Twilio and AUTH_SECRET are required. */
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
  /** Per sender, over all processes; null means without limit. */
  smsMessagesPerSecond: number | null;
  upstash: { url: string; token: string } | null;
  trustedProxyHops: number;
  logLevel: LogLevel;
  operator: Operator;
  retention: Retention;
};

/** After how many days what is about somebody goes (docs/compliance.md). */
export type Retention = {
  /** Texts: what they say, to whom. */
  messagesDays: number;
  /** Attempts to verify, challenges, and the addresses and browsers of the audit log. */
  attemptsDays: number;
  /** Accounts that nobody finished registering. */
  pendingDays: number;
};

/** Who runs this installation, as the pages say it; null where they say "the operator of this site". */
export type Operator = {
  name: string | null;
  /** An e-mail address, a web address, or plain words such as a postal address. */
  contact: string | null;
};

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type TwilioSettings = {
  accountSid: string;
  /** Newest first: the first signs requests to Twilio, webhooks signed with any are accepted. */
  authTokens: [string, ...string[]];
  /** A messaging service is used instead of the from-number when both are set. */
  sender: { messagingServiceSid: string } | { fromPhone: string };
  /** Without a slash at the end; null means Twilio's own. */
  apiBaseUrl: string | null;
};

export type EnvSource = Record<string, string | undefined>;

const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const minSecretBytes = 32;

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
  const read = (name: string): string | undefined => source[name]?.trim() || undefined;
  const refuse = (name: string, sentence: string): void => {
    problems.push(`${name} ${sentence}`);
  };

  const portText = read('PORT') ?? '3000';
  const port = /^\d{1,5}$/.test(portText) && Number(portText) <= 65_535 ? Number(portText) : 0;
  if (port === 0) refuse('PORT', `must be a whole number from 1 to 65535, not "${portText}"`);

  const appUrlText = read('APP_URL') ?? `http://localhost:${port || 3000}`;
  const appUrl = parseOrigin(appUrlText);
  if (!appUrl)
    refuse('APP_URL', 'must be an origin such as https://portal.example.com, without path or query');
  const isPublic = appUrl !== null && !isLoopbackHostname(appUrl.hostname);
  if (appUrl && isPublic && appUrl.protocol !== 'https:') {
    refuse('APP_URL', 'must begin with https:// because it is not on localhost');
  }

  const databaseUrl = read('DATABASE_URL');
  if (!databaseUrl) refuse('DATABASE_URL', 'is missing: set it to a PostgreSQL 15 or newer');
  else if (!isPostgresUrl(databaseUrl)) {
    refuse('DATABASE_URL', 'must be a URL such as postgres://user:password@host:5432/name');
  }

  const databaseOwnerUrl = read('DATABASE_OWNER_URL') ?? null;
  if (databaseOwnerUrl && !isPostgresUrl(databaseOwnerUrl)) {
    refuse('DATABASE_OWNER_URL', 'must be a URL such as postgres://owner:password@host:5432/name');
  }

  const authSecrets = (read('AUTH_SECRET') ?? '')
    .split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '');
  if (authSecrets.length === 0) {
    refuse(
      'AUTH_SECRET',
      `is missing: set it to at least ${minSecretBytes} random bytes (openssl rand -base64 48)`,
    );
  } else if (isPublic && authSecrets.some((secret) => Buffer.byteLength(secret) < minSecretBytes)) {
    refuse('AUTH_SECRET', `must have at least ${minSecretBytes} bytes (each one, when there are several)`);
  }

  const { smsBackend, twilio } = parseSmsBackend(read, refuse, isPublic);

  const parseMoney = (name: string, fallback: string): number => {
    const text = read(name) ?? fallback;
    const micros = parseMicros(text);
    if (micros === null) {
      refuse(
        name,
        `must be an amount of dollars with at most six decimals, such as ${fallback}, not "${text}"`,
      );
    }
    return micros ?? 0;
  };
  const smsDailyBudgetPerUserMicros = parseMoney('SMS_DAILY_BUDGET_PER_USER_USD', '0.08');
  const smsDailyBudgetMicros = parseMoney('SMS_DAILY_BUDGET_USD', '20');

  const knownCountries = new Set<string>(getCountries());
  const { smsPricePerSegmentMicros, smsCountryPricesMicros } = parsePrices(read, refuse, knownCountries);
  const smsCountries: CountryCode[] = [];
  for (const entry of (read('SMS_COUNTRIES') ?? 'US,CA').split(',')) {
    const code = entry.trim().toUpperCase();
    if (!isCountry(code, knownCountries)) {
      refuse(
        'SMS_COUNTRIES',
        `must be ISO country codes separated by commas, such as US,CA: "${entry.trim()}" is none`,
      );
    } else if (!smsCountries.includes(code)) smsCountries.push(code);
  }

  const rateText = read('SMS_MESSAGES_PER_SECOND');
  const rate = rateText !== undefined && /^\d{1,6}(\.\d{1,6})?$/.test(rateText) ? Number(rateText) : 0;
  if (rateText !== undefined && rate <= 0) {
    refuse('SMS_MESSAGES_PER_SECOND', `must be a number above 0, not "${rateText}"`);
  }
  const smsMessagesPerSecond = rateText === undefined ? (smsBackend === 'twilio' ? 1 : null) : rate;

  const upstashUrl = read('UPSTASH_REDIS_REST_URL');
  const upstashToken = read('UPSTASH_REDIS_REST_TOKEN');
  if (upstashUrl && !isHttpUrl(upstashUrl)) refuse('UPSTASH_REDIS_REST_URL', 'must be an http or https URL');
  if (upstashUrl && !upstashToken) {
    refuse('UPSTASH_REDIS_REST_TOKEN', 'is missing while UPSTASH_REDIS_REST_URL is set');
  }
  if (upstashToken && !upstashUrl) {
    refuse('UPSTASH_REDIS_REST_URL', 'is missing while UPSTASH_REDIS_REST_TOKEN is set');
  }

  if (isPublic && read('TRUSTED_PROXY_HOPS') === undefined) {
    refuse(
      'TRUSTED_PROXY_HOPS',
      'is missing: set it to the number of proxies in front (one nginx or load balancer: 1), else all people share one limit',
    );
  }
  const hopsText = read('TRUSTED_PROXY_HOPS') ?? '0';
  const trustedProxyHops = /^\d{1,2}$/.test(hopsText) ? Number(hopsText) : 0;
  if (!/^\d{1,2}$/.test(hopsText)) {
    refuse('TRUSTED_PROXY_HOPS', `must be a whole number from 0 to 99, not "${hopsText}"`);
  }

  const levelText = (read('LOG_LEVEL') ?? 'info').toLowerCase();
  const logLevel = logLevels.find((level) => level === levelText);
  if (!logLevel) refuse('LOG_LEVEL', `must be one of ${logLevels.join(', ')}, not "${levelText}"`);

  const readLine = (name: string, mostCharacters: number): string | null => {
    const text = read(name);
    if (text === undefined) return null;
    if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text) || text.length > mostCharacters) {
      refuse(name, `must be one line of at most ${mostCharacters} characters`);
    }
    return text;
  };
  const operator = { name: readLine('OPERATOR_NAME', 100), contact: readLine('OPERATOR_CONTACT', 200) };

  const parseDays = (name: string, fallback: number): number => {
    const text = read(name) ?? String(fallback);
    const days = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (days === 0) refuse(name, `must be a whole number of days from 1 to 99999, not "${text}"`);
    return days;
  };
  const retention: Retention = {
    messagesDays: parseDays('RETENTION_MESSAGES_DAYS', 1825),
    attemptsDays: parseDays('RETENTION_ATTEMPTS_DAYS', 400),
    pendingDays: parseDays('RETENTION_PENDING_DAYS', 7),
  };

  const [newestSecret, ...olderSecrets] = authSecrets;
  if (problems.length > 0 || !appUrl || !databaseUrl || newestSecret === undefined || !logLevel) {
    return { ok: false, reason: 'invalid', problems };
  }
  return {
    ok: true,
    value: {
      databaseUrl,
      databaseOwnerUrl,
      appUrl,
      isPublic,
      port,
      authSecrets: [newestSecret, ...olderSecrets],
      smsBackend,
      twilio,
      smsPricePerSegmentMicros,
      smsCountryPricesMicros,
      smsDailyBudgetPerUserMicros,
      smsDailyBudgetMicros,
      smsCountries,
      smsMessagesPerSecond,
      upstash: upstashUrl && upstashToken ? { url: upstashUrl, token: upstashToken } : null,
      trustedProxyHops,
      logLevel,
      operator,
      retention,
    },
  };
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

function parseSmsBackend(
  read: (name: string) => string | undefined,
  refuse: (name: string, sentence: string) => void,
  isPublic: boolean,
): { smsBackend: 'console' | 'twilio'; twilio: TwilioSettings | null } {
  const names = [
    'TWILIO_ACCOUNT_SID',
    'TWILIO_AUTH_TOKEN',
    'TWILIO_FROM_PHONE',
    'TWILIO_MESSAGING_SERVICE_SID',
  ];
  const someTwilio = names.some((name) => read(name) !== undefined);
  const asked = read('SMS_BACKEND')?.toLowerCase();
  const apiBaseUrl = read('TWILIO_API_BASE_URL');
  if (apiBaseUrl && !isHttpUrl(apiBaseUrl)) refuse('TWILIO_API_BASE_URL', 'must be an http or https URL');
  if (asked !== undefined && asked !== 'console' && asked !== 'twilio') {
    refuse('SMS_BACKEND', `must be console or twilio, not "${asked}"`);
    return { smsBackend: 'console', twilio: null };
  }
  if (asked === 'console' && isPublic) {
    refuse('SMS_BACKEND', 'must be twilio because APP_URL is not on localhost');
    return { smsBackend: 'console', twilio: null };
  }
  if (asked !== 'twilio' && !isPublic && (asked === 'console' || !someTwilio)) {
    return { smsBackend: 'console', twilio: null };
  }

  const why =
    asked === 'twilio'
      ? 'because SMS_BACKEND is twilio'
      : isPublic
        ? 'because APP_URL is not on localhost'
        : 'because other TWILIO_ variables are set';
  const need = (name: string, remedy = ''): string => {
    const value = read(name);
    if (value === undefined) refuse(name, `is missing or empty: it is required ${why}${remedy}`);
    return value ?? '';
  };
  const accountSid = need('TWILIO_ACCOUNT_SID');
  if (accountSid && !/^AC[0-9a-zA-Z]+$/.test(accountSid)) refuse('TWILIO_ACCOUNT_SID', 'must begin with AC');
  const [authToken = '', ...olderTokens] = need('TWILIO_AUTH_TOKEN')
    .split(',')
    .map((token) => token.trim())
    .filter((token) => token !== '');
  if (!authToken && read('TWILIO_AUTH_TOKEN')) refuse('TWILIO_AUTH_TOKEN', 'holds no token, only commas');
  const messagingServiceSid = read('TWILIO_MESSAGING_SERVICE_SID');
  if (messagingServiceSid && !/^MG[0-9a-zA-Z]+$/.test(messagingServiceSid)) {
    refuse('TWILIO_MESSAGING_SERVICE_SID', 'must begin with MG');
  }
  const fromText = messagingServiceSid
    ? (read('TWILIO_FROM_PHONE') ?? '')
    : need('TWILIO_FROM_PHONE', ' (or TWILIO_MESSAGING_SERVICE_SID in its place)');
  const fromPhone = fromText.replace(/[\s().-]/g, '');
  if (fromPhone && !/^(\+[1-9]\d{6,14}|\d{5,6})$/.test(fromPhone)) {
    refuse(
      'TWILIO_FROM_PHONE',
      'must be a number in international form, such as +15550100000, or a short code',
    );
  }
  return {
    smsBackend: 'twilio',
    twilio: {
      accountSid,
      authTokens: [authToken, ...olderTokens],
      sender: messagingServiceSid ? { messagingServiceSid } : { fromPhone },
      apiBaseUrl: apiBaseUrl?.replace(/\/+$/, '') ?? null,
    },
  };
}

/** Reads `0.0079,GB:0.04`: first the price where no other is given, which may be left out, then countries with their own. */
function parsePrices(
  read: (name: string) => string | undefined,
  refuse: (name: string, sentence: string) => void,
  knownCountries: ReadonlySet<string>,
): Pick<Env, 'smsPricePerSegmentMicros' | 'smsCountryPricesMicros'> {
  const name = 'SMS_PRICE_PER_SEGMENT_USD';
  const prices: ReturnType<typeof parsePrices> = {
    smsPricePerSegmentMicros: 7_900,
    smsCountryPricesMicros: {},
  };
  const entries = (read(name) ?? '0.0079').split(',').map((entry) => entry.trim());
  for (const [index, entry] of entries.entries()) {
    const [price = '', code] = entry.split(':').reverse();
    const country = code?.trim().toUpperCase();
    const micros = parseMicros(price.trim());
    const isNamed = country !== undefined && isCountry(country, knownCountries);
    if (micros === null || (country !== undefined && !isNamed) || entry.split(':').length > 2) {
      refuse(
        name,
        `must be dollars with at most six decimals, such as 0.0079 or 0.0079,GB:0.04: "${entry}" is none`,
      );
    } else if (!isNamed) {
      if (index > 0) refuse(name, `has "${entry}" without a country: only the first may have none`);
      else prices.smsPricePerSegmentMicros = micros;
    } else if (prices.smsCountryPricesMicros[country] !== undefined) {
      refuse(name, `has two prices for ${country}`);
    } else prices.smsCountryPricesMicros[country] = micros;
  }
  return prices;
}

function isCountry(code: string, known: ReadonlySet<string>): code is CountryCode {
  return known.has(code);
}

function parseUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

function parseOrigin(text: string): URL | null {
  const url = parseUrl(text);
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) return null;
  return url.pathname === '/' && !url.search && !url.hash && !url.username && !url.password ? url : null;
}

function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:$/.test(parseUrl(text)?.protocol ?? '');
}

function isHttpUrl(text: string): boolean {
  return /^https?:$/.test(parseUrl(text)?.protocol ?? '');
}
