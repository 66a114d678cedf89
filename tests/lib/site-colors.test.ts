import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contrastOf, deriveColors, pageGrounds, tintedGrounds, writeColors } from '@/lib/site-colors';

const hex = fc
  .tuple(fc.nat(255), fc.nat(255), fc.nat(255))
  .map((channels) => `#${channels.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`);

test('contrast is that of WCAG, whichever color comes first', () => {
  expect(contrastOf('#000000', '#ffffff')).toBeCloseTo(21, 5);
  // Known pairs: the darkest gray that fails on white, and the lightest that passes.
  expect(contrastOf('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
  expect(contrastOf('#ffffff', '#767676')).toBeCloseTo(4.54, 2);
});

test('the grounds are those of the style sheet', () => {
  const [light = '', dark = ''] = readFileSync('app/globals.css', 'utf8').split('prefers-color-scheme: dark');
  const read = (css: string, names: readonly string[]) =>
    names.map((name) => new RegExp(`--${name}: (#\\w+);`).exec(css)?.[1]);
  const page = ['canvas', 'surface', 'surface-sunk'];
  const tinted = ['danger-soft', 'warning-soft', 'success-soft', 'info-soft'];
  expect(read(light, page)).toEqual(pageGrounds.light);
  expect(read(dark, page)).toEqual(pageGrounds.dark);
  expect(read(light, tinted)).toEqual(tintedGrounds.light);
  expect(read(dark, tinted)).toEqual(tintedGrounds.dark);
});

describe('of every accent color that is taken', () => {
  test('buttons and focus are seen, and words are readable, in both schemes', () => {
    let taken = 0;
    fc.assert(
      fc.property(hex, (accent) => {
        const derived = deriveColors(accent);
        const isSeen = pageGrounds.light.every((ground) => contrastOf(accent, ground) >= 3);
        expect(derived.ok).toBe(isSeen);
        if (!derived.ok) return;
        taken += 1;
        expect(derived.value.light.accent).toBe(accent);
        for (const scheme of ['light', 'dark'] as const) {
          const shades = derived.value[scheme];
          const grounds = pageGrounds[scheme];
          for (const ground of grounds) {
            expect(contrastOf(shades.accent, ground)).toBeGreaterThanOrEqual(3);
            expect(contrastOf(shades.focus, ground)).toBeGreaterThanOrEqual(3);
          }
          for (const ground of [...grounds, ...tintedGrounds[scheme], shades.accentSoft]) {
            expect(contrastOf(shades.accentText, ground)).toBeGreaterThanOrEqual(4.5);
          }
          for (const ground of [shades.accent, shades.accentHover]) {
            expect(contrastOf(shades.accentInk, ground)).toBeGreaterThanOrEqual(4.5);
          }
        }
      }),
      { numRuns: 500 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  test('the style sheet sets every accent of both schemes, and has nothing else in it', () => {
    const derived = deriveColors('#1D4ED8');
    const css = derived.ok ? writeColors(derived.value) : '';
    const names = [...readFileSync('app/globals.css', 'utf8').matchAll(/--((?:accent|focus)[\w-]*):/g)];
    for (const [, name] of names) expect(css.split(`--${name}:`)).toHaveLength(3);
    expect(css).toMatch(/^[\w\s:#;{}()@%/-]+$/);
    expect(css).toContain('--accent:#1d4ed8;');
  });
});
