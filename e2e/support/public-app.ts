import { randomBytes, randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { findFreePort } from '../../scripts/postgres/server';
import { startFakeTwilio, type FakeTwilio } from '../../tests/support/fake-twilio';
import { announceRun, readRun } from './run';
import { startApp } from './start-app';
import { publicHost, startTlsProxy, type TlsProxy } from './tls-proxy';

const accountSid = 'AC00000000000000000000000000000002';
const authToken = 'a token of the browser tests';

/** Not the name that it has without a setting. */
export const siteName = 'Elm & Oak Homes';
export const siteTagline = 'Apply for a home in Elm County';

/** The app as an operator runs it: on a public name, behind a proxy that ends TLS, with its texts going to Twilio. */
export type PublicApp = {
  host: string;
  origin: string;
  /** Where the proxy reaches it; nobody outside may learn of it. */
  port: number;
  twilio: FakeTwilio;
  proxy: TlsProxy;
  stop: () => Promise<void>;
};

/**
 * Starts the production build once more, with the variables `more` besides, on an empty database of its own. From then on it is the run of the calling
 * process (`readRun`). The database goes with the run's throw-away PostgreSQL.
 */
export async function startPublicApp(more: Record<string, string> = {}): Promise<PublicApp> {
  const port = await findFreePort();
  const origin = `https://${publicHost}`;
  const proxy = await startTlsProxy(port);
  const twilio = await startFakeTwilio({ accountSid, authToken, post: proxy.fetch });
  const databaseUrl = await createDatabase(readRun().databaseUrl);
  const app = await startApp(`public-server-${process.env.TEST_WORKER_INDEX}.log`, {
    port,
    appUrl: origin,
    databaseUrl,
    variables: {
      AUTH_SECRET: randomBytes(32).toString('base64url'),
      SMS_BACKEND: 'twilio',
      TWILIO_ACCOUNT_SID: accountSid,
      TWILIO_AUTH_TOKEN: authToken,
      TWILIO_FROM_PHONE: '+15005550006',
      TWILIO_API_BASE_URL: twilio.url,
      TRUSTED_PROXY_HOPS: '1',
      SITE_NAME: siteName,
      SITE_TAGLINE: siteTagline,
      SITE_LOGO: 'tests/support/wordmark.svg',
      SITE_ACCENT_COLOR: '#1d4ed8',
      ...more,
    },
  });
  announceRun({ appUrl: origin, databaseUrl, serverLog: app.serverLog });
  return {
    host: publicHost,
    origin,
    port,
    twilio,
    proxy,
    stop: async () => {
      await app.stop();
      await Promise.all([twilio.stop(), proxy.stop()]);
    },
  };
}

async function createDatabase(serverUrl: string): Promise<string> {
  const name = `public_${randomUUID().replaceAll('-', '')}`;
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
  const own = new URL(serverUrl);
  own.pathname = `/${name}`;
  return own.href;
}
