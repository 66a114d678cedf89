import type { APIResponse } from 'playwright/test';
import { expectPage, open, paths, register } from '../support/journeys';
import { readMailLink } from '../support/mails';
import { newNumber } from '../support/people';
import { readRun } from '../support/run';
import { expect, test } from '../support/test';

const everyPage = [
  paths.home,
  paths.register,
  paths.signIn,
  paths.terms,
  paths.privacy,
  '/there/is/no/such/page',
  '/users/webhook/none',
  '/brand/icon/none',
  '/favicon.icofoo',
];

function readPolicy(response: APIResponse): Map<string, string[]> {
  const directives = response
    .headers()
    ['content-security-policy']!.split(';')
    .map((each) => each.trim().split(/\s+/));
  return new Map(directives.map(([name, ...values]) => [name!, values]));
}

async function expectGuarded(response: APIResponse): Promise<string> {
  const policy = readPolicy(response);
  const scripts = policy.get('script-src')!;
  const nonce = /^'nonce-(.{16,})'$/.exec(scripts.find((each) => each.startsWith("'nonce-")) ?? '')?.[1];
  expect(nonce).toBeTruthy();
  expect(scripts.join(' ')).not.toMatch(/unsafe|\*|https?:/);
  expect(policy.get('style-src')!.join(' ')).not.toContain('unsafe');
  expect(policy.get('object-src')).toEqual(["'none'"]);
  expect(policy.get('base-uri')).toEqual(["'none'"]);
  expect(policy.get('form-action')).toEqual(["'self'"]);
  expect(policy.get('frame-ancestors')).toEqual(["'none'"]);
  expect(response.headers()).toMatchObject({
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': expect.stringMatching(/same-origin|no-referrer/),
  });
  expect(response.headers()['x-powered-by']).toBeUndefined();

  const html = await response.text();
  for (const [tag] of html.matchAll(/<script\b[^>]*>/g)) expect(tag).toContain(`nonce="${nonce}"`);
  expect(html).not.toMatch(/<style(?![^>]*nonce)[^>]*>|\sstyle="|\son\w+="/);
  expect(html).not.toMatch(/http-equiv="refresh"/i);
  return nonce!;
}

for (const path of everyPage) {
  test(`${path} runs only scripts with this answer's own nonce`, async ({ request }) => {
    const first = await expectGuarded(await request.get(path));
    const second = await expectGuarded(await request.get(path));
    expect(second).not.toBe(first);
  });
}

test('a link in a mail leads to APP_URL, whatever host the request for it named', async ({
  page,
  request,
}) => {
  const { email } = await register(page);
  const html = await (await request.get('/users/forgot-password')).text();
  const hidden = await page.evaluate(
    (text) =>
      [
        ...new DOMParser()
          .parseFromString(text, 'text/html')
          .querySelectorAll('main form input[type="hidden"]'),
      ].map((input) => [input.getAttribute('name')!, input.getAttribute('value') ?? ''] as const),
    html,
  );
  expect(hidden).not.toEqual([]);
  const evil = 'evil.example';
  const forged: Record<string, string>[] = [
    { 'x-forwarded-host': evil, forwarded: `host=${evil}` },
    { host: evil, origin: `http://${evil}` },
    { host: evil },
  ];
  for (const headers of forged) {
    await request.post('/users/forgot-password', {
      multipart: { ...Object.fromEntries(hidden), email },
      headers,
      maxRedirects: 0,
    });
  }
  await readMailLink(page, { to: email, subject: /Reset your/ });
  const links = await page.getByRole('link', { name: 'Open the link' }).all();
  for (const link of links)
    expect(await link.getAttribute('href')).toMatch(new RegExp(`^${readRun().appUrl}/`));
  expect(await page.content()).not.toContain(evil);
});

test('the code page and the dashboard are guarded alike, and every cookie is HttpOnly and SameSite=Lax', async ({
  page,
  context,
}) => {
  await register(page, { phone: newNumber(), verify: true });
  await expectGuarded(await context.request.get(paths.code));
  const pending = (await context.cookies()).find(({ name }) => name.includes('pending'));
  expect(pending).toMatchObject({ httpOnly: true, sameSite: 'Lax' });
  expect(Buffer.from(pending!.value, 'base64url')).toHaveLength(32);

  await context.clearCookies();
  await register(page);
  await expectGuarded(await context.request.get(paths.dashboard));
  const cookies = await context.cookies();
  expect(cookies.filter(({ name }) => name.includes('session'))).toHaveLength(1);
  for (const cookie of cookies) expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Lax' });
});

test('pages are found with and without a slash at the end, without a redirect', async ({ page, request }) => {
  for (const path of [paths.register, paths.signIn, paths.terms, paths.privacy]) {
    const bodies: string[] = [];
    for (const spelling of [path, `${path}/`]) {
      const response = await request.get(spelling, { maxRedirects: 0 });
      expect(response.status(), spelling).toBe(200);
      bodies.push(/<h1[^>]*>.*?<\/h1>/s.exec(await response.text())![0]);
    }
    expect(bodies[1]).toBe(bodies[0]);
  }
  await open(page, `${paths.signIn}/`);
  await page.locator('[name="email"]').fill('nobody@example.com');
  await page.locator('[name="password"]').fill('violet kettle mosaic');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(page.locator('form [role="alert"]')).toBeVisible();
});

test('a page that does not exist is answered with 404 and leads back', async ({ page, faults }) => {
  faults.expect(/status of 404/);
  const response = await page.goto('/there/is/no/such/page');
  expect(response!.status()).toBe(404);
  await page.getByRole('link', { name: 'Go to the front page' }).click();
  await expectPage(page, paths.home);
});

test('nothing on this machine is for search engines', async ({ request }) => {
  for (const path of everyPage) {
    expect(await (await request.get(path)).text(), path).toContain('content="noindex, nofollow"');
  }
  expect(await (await request.get('/robots.txt')).text()).toBe('User-Agent: *\nDisallow: /\n\n');
  expect(await (await request.get('/sitemap.xml')).text()).not.toContain('<loc>');
  expect((await request.get('/brand/logo')).status()).toBe(404);
  expect((await request.get('/brand/icon?size=181')).status()).toBe(404);
});

test('a Host that is no name of this machine is refused', async ({ request }) => {
  const response = await request.get(paths.register, { headers: { host: 'example.com' } });
  expect(response.status()).toBe(421);
});
