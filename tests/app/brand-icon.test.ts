import { describe, expect, test } from 'vitest';
import { drawIcon, drawIconPng } from '@/app/brand/icon/draw-icon';
import { readSiteLogo } from '@/lib/site-logo';
import { withSettings } from '../support/settings';

function readWordmark() {
  const read = readSiteLogo('tests/support/wordmark.svg');
  if (!read.ok) throw new Error(read.problem);
  return read.value;
}
const wordmark = readWordmark();
const square = { ...wordmark, width: 48, height: 48, isWordmark: false };
const colors = {
  light: { accent: '#1d4ed8', accentInk: '#ffffff' },
} as never;

describe('the icon', () => {
  test('of a site without a logo is the mark of its pages, in its color', async () => {
    await withSettings({ siteLogo: null, siteColors: colors }, async () => {
      expect(drawIcon()).toContain('fill="#1d4ed8"');
      expect(drawIcon()).toContain('M10.5 22V11.5');
    });
  });

  test('of a site with a logo that fits a square is that logo', async () => {
    await withSettings({ siteLogo: square, siteName: 'Elm' }, async () => {
      expect(drawIcon()).toContain(`href="data:image/svg+xml;base64,${square.bytes.toString('base64')}"`);
      expect(drawIcon()).not.toMatch(/M10\.5 22V11\.5|<text/);
    });
  });

  test.each([
    ['Elm & Oak', 'E'],
    ['  "42" homes', '4'],
    ['étoile', 'É'],
    ['ßen', 'S'],
  ])('of the site %j, whose logo is a wordmark, is the letter %s', async (siteName, letter) => {
    await withSettings({ siteLogo: wordmark, siteName }, async () => {
      expect(drawIcon()).toContain(`>${letter}</text>`);
      expect(drawIcon()).not.toContain('M10.5 22V11.5');
    });
  });

  test('is the mark where the name begins with a letter that cannot be drawn', async () => {
    for (const siteName of ['家', 'ÿ', '&&']) {
      await withSettings({ siteLogo: wordmark, siteName }, async () => {
        expect(drawIcon(), siteName).toContain('M10.5 22V11.5');
      });
    }
  });

  test('is drawn as a PNG of the size that is asked for', async () => {
    for (const [size, siteLogo] of [
      [180, square],
      [192, wordmark],
      [512, null],
    ] as const) {
      await withSettings({ siteLogo, siteName: 'Elm' }, async () => {
        const png = await drawIconPng(size, { whole: true });
        expect(png.toString('latin1', 1, 4)).toBe('PNG');
        expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([size, size]);
        expect(png.length).toBeGreaterThan(300);
      });
    }
  });
});
