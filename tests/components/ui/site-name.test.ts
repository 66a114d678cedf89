import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { DevPhone } from '@/components/sms/DevPhone';
import { Page } from '@/components/ui/Page';
import { SiteNameProvider } from '@/components/ui/SiteName';

const page = createElement(Page, null, 'Content');
const nothing = async () => undefined;
const phone = createElement(DevPhone, {
  initial: { handsets: [], thread: null },
  timeZone: 'America/New_York',
  textsUrl: '/',
  answer: nothing,
  report: nothing,
});

test('a page and the development phone say what the site is called', () => {
  for (const children of [page, phone]) {
    const markup = renderToStaticMarkup(SiteNameProvider({ name: 'Elm & Oak', children }));
    expect(markup).toContain('Elm &amp; Oak');
    expect(markup).not.toContain('Doorstep');
  }
});

test('a page in the place of the root layout, which alone knows the name, says none', () => {
  const markup = renderToStaticMarkup(page);
  expect(markup).toMatch(/<\/svg>Home<\/a>/);
  expect(markup).not.toContain('Doorstep');
});

test('nothing that a browser is shown is written under a name of its own', () => {
  for (const folder of ['app', 'components']) {
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (/\.tsx?$/.test(file))
        expect(readFileSync(join(folder, file), 'utf8'), file).not.toMatch(/\bDoorstep\b/);
    }
  }
});
