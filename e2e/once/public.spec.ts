import { readFileSync } from 'node:fs';
import type { Page } from 'playwright/test';
import { readRows } from '../support/database';
import {
  alertOf,
  button,
  enterCode,
  expectPage,
  field,
  fillRegistration,
  open,
  paths,
  register,
  signIn,
  signOut,
} from '../support/journeys';
import { newApplicant } from '../support/people';
import { siteName, siteTagline } from '../support/public-app';
import { publicTest } from '../support/public-test';
import { readRun } from '../support/run';
import { formWith, settingsPaths } from '../support/settings';
import { expect } from '../support/test';
import type { TlsProxy } from '../support/tls-proxy';

const { preferences, security, devPhone } = settingsPaths;

const test = publicTest();

test.use({ ignoreHTTPSErrors: true });

// In one process, one after the other: the app is started once for all of them.
test.describe.configure({ mode: 'default' });

test.beforeEach(({ publicApp: { proxy } }) => {
  proxy.exchanges.length = 0;
});

let phones = 0;

/** A number that Twilio would take, which the fictional ones of the other tests are not. */
function newPhone(): string {
  phones += 1;
  return `+1212${2_000_000 + phones}`;
}

test('the whole journey works in public: text, signed callbacks, code, dashboard, signing out and in, settings', async ({
  page,
  publicApp: { host, origin, proxy, twilio },
}) => {
  // An address that someone could have; those kept for examples are shown as none.
  proxy.clientAddress = '8.8.4.4';
  const phone = newPhone();
  const applicant = await register(page, { phone, verify: true });
  const text = await twilio.whenSeen(({ texts }) => texts.find(({ to }) => to === phone));
  const code = /(?<!\d)\d{6}(?!\d)/.exec(text.body)![0];
  expect(text.body.split('\n').at(-1)).toBe(`@${host} #${code}`);
  expect(text.validityPeriod).toBeGreaterThan(500);
  expect(text.validityPeriod).toBeLessThanOrEqual(600);
  expect(text.statusCallback).toMatch(new RegExp(`^${origin}/users/webhook/twilio\\?message=[\\w-]{36}$`));

  for (const status of ['sent', 'delivered']) {
    const answer = await twilio.report(text, { status });
    expect(answer!.status, status).toBe(204);
  }
  await expect(page.locator('[data-sms-status]')).toHaveAttribute('data-sms-status', 'delivered');
  await enterCode(page, code);
  await expectPage(page, paths.dashboard);
  await expect(page.locator('[data-phone-state]')).toHaveAttribute('data-phone-state', 'verified');

  await signOut(page);
  await signIn(page, applicant);
  await expectPage(page, paths.dashboard);
  await open(page, preferences);
  const hours = formWith(page, 'Save quiet hours');
  await field(hours, 'quietHoursStart').fill('21:30');
  await button(hours, 'Save quiet hours').click();
  await expect(page.getByText(/^Saved\. /)).toBeVisible();
  await open(page, security);
  await expect(page.getByText('8.8.4.4').first()).toBeVisible();
});

test('in public the log is JSON, and the line of a callback names the request that asked for the text', async ({
  page,
  publicApp: { proxy, twilio },
}) => {
  proxy.clientAddress = '198.51.100.8';
  const phone = newPhone();
  await register(page, { phone, verify: true });
  const text = await twilio.whenSeen(({ texts }) => texts.find(({ to }) => to === phone));
  await twilio.report(text, { status: 'delivered' });
  const [row] = await readRows<{ id: string; request_id: string }>(
    'select id, request_id from sms_messages where phone = $1',
    [phone],
  );
  expect(row!.request_id).toMatch(/^[0-9a-f-]{36}$/);
  const events = readFileSync(readRun().serverLog, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const about = events.filter(({ message }) => message === row!.id);
  expect(about.map(({ event, askedBy }) => [event, askedBy])).toEqual([
    ['sms_sent', row!.request_id],
    ['sms_status', row!.request_id],
  ]);
  expect(about[1]).toMatchObject({ level: 'info', status: 'delivered' });
  expect(about[1]!.request).not.toBe(row!.request_id);
  expect(events).toContainEqual(
    expect.objectContaining({
      event: 'request',
      request: row!.request_id,
      method: 'POST',
      route: paths.register,
    }),
  );
});

test('someone who knows nothing but their email chooses a new password by a text, where there is no mail', async ({
  page,
  publicApp: { proxy, twilio },
}) => {
  proxy.clientAddress = '198.51.100.17';
  const phone = newPhone();
  const applicant = await register(page, { phone, verify: true });
  const codeAt = (nth: number) =>
    twilio.whenSeen(({ texts }) => {
      const text = texts.filter(({ to }) => to === phone)[nth];
      return text && { body: text.body, code: /(?<!\d)\d{6}(?!\d)/.exec(text.body)![0] };
    });
  await enterCode(page, (await codeAt(0)).code);
  await expectPage(page, paths.dashboard);
  await signOut(page);

  const askAs = async (email: string) => {
    await open(page, paths.signIn);
    await page.getByText('Forgot your password?').click();
    await field(page, 'email').fill(email);
    await button(page, 'Text me a code').click();
    await expectPage(page, '/users/reset-password');
    return (await page.getByRole('main').innerText()).replaceAll(email, 'this email');
  };
  const reset = async (code: string, newPassword: string) => {
    await field(page, 'code').fill(code);
    await field(page, 'newPassword').fill(newPassword);
    await button(page, 'Change password').click();
  };
  // Whoever asks for an email without an account sees the same page, and hears the same of a wrong code.
  const stranger = await askAs(newApplicant().email);
  await reset('123456', 'purple walrus engine');
  await expect(alertOf(page)).toContainText('That code is not right. You have 4 tries left.');
  expect(await askAs(applicant.email)).toBe(stranger);
  const { code, body } = await codeAt(1);
  expect(body).toContain(`${code} resets your ${siteName} password.`);
  await reset(
    code === '999999' ? '000000' : String(Number(code) + 1).padStart(6, '0'),
    'purple walrus engine',
  );
  await expect(alertOf(page)).toContainText('That code is not right. You have 4 tries left.');
  await reset(code, 'purple walrus engine');
  await expect(page.getByRole('heading')).toHaveText('Your password is changed');
  await page.getByRole('link', { name: 'Sign in' }).click();
  await signIn(page, { ...applicant, password: 'purple walrus engine' });
  await expectPage(page, paths.dashboard);
  await open(page, '/users/reset-password');
  await expect(page.getByRole('heading')).toHaveText('There is no open code');
});

test('pages, their titles, the consent, the policies and the texts speak in the name of the site, and in no other', async ({
  page,
  publicApp: { origin, proxy, twilio },
}) => {
  const { home, register: registration, signIn: login, terms, privacy } = paths;
  const written = siteName.replace('&', '&amp;');
  for (const path of [home, registration, login, terms, privacy, '/nowhere']) {
    const html = await (await proxy.fetch(`${origin}${path}`)).text();
    // In the head, where it also is for a browser without scripts.
    expect(/<title>([^<]*)<\/title>/.exec(html.split('</head>')[0]!)?.[1], path).toMatch(
      new RegExp(`(^|· )${written}$`),
    );
    expect(html, path).not.toMatch(/\bDoorstep\b/);
  }
  for (const path of [terms, privacy]) {
    await open(page, path);
    await expect(page.getByRole('banner').getByRole('link', { name: siteName })).toBeVisible();
    await expect(page.getByRole('main')).toContainText(
      path === terms ? `${siteName} sends automated texts` : `${siteName} is the sender.`,
    );
    // This installation has no mail server.
    if (path === privacy) await expect(page.getByRole('main')).toContainText('We send no email.');
  }
  await open(page, registration);
  await expect(page.locator('#tcpaConsent-terms')).toContainText(
    `I agree that ${siteName}, run by Example Housing, Inc., may send automated text messages`,
  );
  const phone = newPhone();
  await register(page, { phone, verify: true });
  const text = await twilio.whenSeen(({ texts }) => texts.find(({ to }) => to === phone));
  expect(text.body).toMatch(new RegExp(`^\\d{6} is your ${siteName} code\\. `));
  const [consent] = await readRows<{ wording: string; sender: string; legal_sender: string }>(
    'select wording, sender, legal_sender from sms_consents where phone = $1',
    [phone],
  );
  expect(consent).toMatchObject({ sender: siteName, legal_sender: 'Example Housing, Inc.' });
  expect(consent!.wording).toContain(`I agree that ${siteName}, run by Example Housing, Inc., may send`);
});

test('search engines may list the front page and the registration, each under one address, and nothing else', async ({
  publicApp: { origin, proxy },
}) => {
  const read = async (path: string) => (await proxy.fetch(`${origin}${path}`)).text();
  for (const path of [paths.home, paths.register, `${paths.register}/`, `${paths.register}?from=ad`]) {
    const html = await read(path);
    const canonical = `${origin}${path.replace(/(?<=.)(?:\/$|\?.*)/, '')}`.replace(/(?<=test)\/$/, '');
    expect(html, path).not.toContain('noindex');
    expect(/<link rel="canonical" href="([^"]*)"/.exec(html)?.[1]?.replace(/(?<=test)\/$/, ''), path).toBe(
      canonical,
    );
    expect(html, path).toContain(`<meta name="description" content="${siteTagline}"/>`);
    expect(html, path).toMatch(new RegExp(`<meta property="og:image" content="${origin}/brand/social\\?v=`));
  }
  for (const path of [paths.signIn, paths.terms, paths.privacy, '/users/forgot-password', '/nowhere']) {
    const html = await read(path);
    expect(html, path).toContain('<meta name="robots" content="noindex, nofollow"/>');
    expect(html, path).not.toContain('rel="canonical"');
  }
  const robots = await read('/robots.txt');
  expect(robots).toContain('Allow: /\n');
  expect(robots).toContain(`Sitemap: ${origin}/sitemap.xml`);
  const listed = [...(await read('/sitemap.xml')).matchAll(/<loc>([^<]*)<\/loc>/g)].map(
    ([, url]) => new URL(url!).pathname,
  );
  expect(listed).toEqual([paths.home, paths.register]);
});

test('the site looks as its operator says: words, logo, color, icons and the picture beside a link', async ({
  page,
  publicApp: { origin, proxy },
}) => {
  await open(page, paths.home);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(siteTagline);
  await expect(page.getByRole('main')).toContainText('Run by Example Housing, Inc.');
  const logo = page.getByRole('banner').getByRole('img', { name: siteName });
  await expect.poll(() => logo.evaluate((img: HTMLImageElement) => img.naturalWidth)).toBeGreaterThan(0);
  const main = page.getByRole('link', { name: 'Create account' });
  await expect(main).toHaveCSS('background-color', 'rgb(29, 78, 216)');
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect(main).not.toHaveCSS('background-color', /rgb\((29, 78, 216|99, 210, 177)\)/);

  const src = (await logo.getAttribute('src'))!;
  const served = await proxy.fetch(`${origin}${src}`);
  expect(served.headers.get('content-type')).toBe('image/svg+xml');
  expect(served.headers.get('content-security-policy')).toBe(
    "default-src 'none'; style-src 'unsafe-inline'; sandbox",
  );
  expect(served.headers.get('x-content-type-options')).toBe('nosniff');
  const manifest = (await (await proxy.fetch(`${origin}/manifest.webmanifest`)).json()) as {
    name: string;
    icons: { src: string; sizes: string }[];
  };
  expect(manifest.name).toBe(siteName);
  const pictures = [
    ...manifest.icons.map(({ src: url, sizes }) => ({ url, sizes })),
    ...(await page.evaluate(() =>
      [...document.querySelectorAll<HTMLLinkElement>('link[rel="apple-touch-icon"]')].map(({ href }) => ({
        url: new URL(href).pathname + new URL(href).search,
        sizes: '180x180',
      })),
    )),
    { url: '/brand/social', sizes: '1200x630' },
  ];
  expect(pictures).toHaveLength(6);
  for (const { url, sizes } of pictures) {
    const picture = await proxy.fetch(`${origin}${url}`);
    expect(picture.status, url).toBe(200);
    if (sizes === 'any') {
      expect(await picture.text()).toContain('fill="#1d4ed8"');
      continue;
    }
    const bytes = Buffer.from(await picture.arrayBuffer());
    expect(`${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`, url).toBe(sizes);
  }
  const icons = page.locator('link[rel="icon"]');
  expect(await icons.evaluateAll((all) => all.map((each) => each.getAttribute('type')))).toEqual([
    null,
    'image/svg+xml',
  ]);
  await expect(icons.first()).toHaveAttribute('href', '/favicon.ico');
  const file = await proxy.fetch(`${origin}/favicon.ico`);
  expect(file.headers.get('content-type')).toBe('image/x-icon');
  const ico = Buffer.from(await file.arrayBuffer());
  expect([ico.readUInt16LE(2), ico.readUInt16LE(4), ico.readUInt8(6), ico.readUInt8(7)]).toEqual([
    1, 1, 32, 32,
  ]);
  const png = ico.subarray(ico.readUInt32LE(18));
  expect(png).toHaveLength(ico.readUInt32LE(14));
  expect([png.toString('latin1', 1, 4), png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual(['PNG', 32, 32]);
});

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled });

    test('cookies are __Host- and Secure, pages have HSTS and a CSP, nothing names http, localhost or a port, and there is no development phone', async ({
      page,
      context,
      faults,
      publicApp: { host, origin, port, proxy },
    }) => {
      faults.expect(/status of 404/);
      const guarded = { secure: true, httpOnly: true, sameSite: 'Lax', path: '/', domain: host };
      await register(page, { phone: newPhone(), verify: true });
      const beforeCode = (await context.cookies()).sort((a, b) => a.name.localeCompare(b.name));
      expect(beforeCode).toMatchObject([
        { name: '__Host-doorstep-known-browser', ...guarded },
        { name: '__Host-doorstep-pending', ...guarded },
      ]);
      await register(page);
      const cookies = await context.cookies();
      expect(cookies.filter(({ name }) => /session/.test(name))).toMatchObject([
        { name: '__Host-doorstep-session', ...guarded },
      ]);
      for (const cookie of cookies) expect(cookie).toMatchObject({ secure: true, httpOnly: true });

      await signOut(page);
      await page.goto(paths.dashboard);
      await expectPage(page, paths.signIn);
      for (const path of [paths.home, paths.terms, paths.privacy, `${paths.register}/`]) {
        expect((await proxy.fetch(`${origin}${path}`)).status, path).toBe(200);
      }
      expect((await page.goto(devPhone))!.status()).toBe(404);
      expect((await proxy.fetch(`${origin}${devPhone}/texts`)).status).toBe(404);
      // Nor is it there for someone who gets past the proxy.
      expect((await fetch(`http://127.0.0.1:${port}${devPhone}`)).status).toBe(404);

      const { exchanges } = proxy;
      const pages = exchanges.filter(({ headers }) => headers['content-type']?.startsWith('text/html'));
      expect(pages.length).toBeGreaterThan(7);
      for (const { path, headers } of pages) {
        expect(headers['strict-transport-security'], path).toMatch(/^max-age=\d{8}/);
        expect(headers['content-security-policy'], path).toContain('upgrade-insecure-requests');
      }
      expect(exchanges.some(({ headers }) => headers.location)).toBe(true);
      const inside = new RegExp(
        `.{0,40}(http(:|%3A)(?!//www\\.w3\\.org/)|localhost|127\\.0\\.0\\.1|${host}(:|%3A)|\\w(:|%3A)(${port}|${proxy.port})\\b).{0,40}`,
        'i',
      );
      for (const { method, path, headers, body } of exchanges) {
        const leak = inside.exec(`${JSON.stringify(headers)}\n${body}`);
        expect(leak?.[0], `${method} ${path}`).toBeUndefined();
      }
    });
  });
}

test('an action that leads on answers with the next page, which the server fetched from its own loopback and nowhere else', async ({
  page,
  publicApp: { proxy },
}) => {
  const applicant = newApplicant();
  await open(page, paths.register);
  await fillRegistration(page, applicant);
  await expectNextPage(page, proxy, 'Create account', paths.dashboard, applicant.email);
  await expectNextPage(page, proxy, 'Sign out', paths.signIn, 'You are signed out.');
  await field(page, 'email').fill(applicant.email);
  await field(page, 'password').fill(applicant.password);
  await expectNextPage(page, proxy, 'Sign in', paths.dashboard, applicant.email);
  // What Next says when it got none, and leaves it to the browser to ask again.
  expect(readFileSync(readRun().serverLog, 'utf8')).not.toContain('failed to get redirect response');
});

/**
 * Presses a button whose action leads to `path`. The page, known by `words`, must come with the action's own answer:
 * nobody may ask for it by way of the proxy. No other way leads there, since only the browser knows where the public
 * name is.
 */
async function expectNextPage(
  page: Page,
  proxy: TlsProxy,
  name: string,
  path: string,
  words: string,
): Promise<void> {
  proxy.exchanges.length = 0;
  await button(page, name).click();
  await expectPage(page, path);
  const posts = () => proxy.exchanges.filter(({ method }) => method === 'POST');
  await expect.poll(() => posts().length).toBe(1);
  const [{ headers, body }] = posts() as [TlsProxy['exchanges'][number]];
  expect(headers, `the answer to "${name}"`).toMatchObject({
    'x-action-redirect': expect.stringContaining(path),
    'content-type': expect.stringContaining('text/x-component'),
  });
  expect(body.includes(words), `the answer to "${name}" holds the next page`).toBe(true);
  const asked = proxy.exchanges.filter(({ method }) => method === 'GET').map((exchange) => exchange.path);
  expect(asked.filter((each) => each.split('?')[0] === path)).toEqual([]);
}

test('limits count whom the trusted proxy names: what a client forges changes nothing, and another has a counter of its own', async ({
  page,
  publicApp: { proxy },
}) => {
  const [one, other] = ['198.51.100.8', '203.0.113.9'];
  const expectAnswer = async (client: string, forged: string, words: string): Promise<void> => {
    proxy.clientAddress = client;
    await page.setExtraHTTPHeaders(forged ? { 'x-forwarded-for': forged } : {});
    await signIn(page, newApplicant());
    await expect(alertOf(page), `${client}, which wrote "${forged}"`).toContainText(words);
  };
  const [taken, refused] = ['do not match an account', 'many requests from your network'];

  await expectAnswer(one, '', taken);
  // A full bucket is empty again after ten minutes; what is more than a minute later was written by a wrong clock.
  const full = await readRows(
    `update rate_limits set empty_at = now() + interval '10 minutes 50 seconds'
     where split_part(key, ':', 1) = 'sign_in' returning key`,
  );
  expect(full).toHaveLength(1);
  await expectAnswer(one, '', refused);
  await expectAnswer(one, other, refused);
  await expectAnswer(one, `${other}, ${other}`, refused);
  await expectAnswer(other, '', taken);
  await expectAnswer(other, one, taken);
});
