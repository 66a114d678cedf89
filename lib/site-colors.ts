/** The colors of one scheme that follow from the operator's accent, each as `#rrggbb`; named as in `app/globals.css`. */
export type AccentShades = {
  /** Main buttons, marks, edges of what is chosen. */
  accent: string;
  accentHover: string;
  /** What is written on `accent` and `accentHover`. */
  accentInk: string;
  /** Links and quiet buttons. */
  accentText: string;
  /** A ground behind `accentText`. */
  accentSoft: string;
  focus: string;
};

export type SiteColors = { light: AccentShades; dark: AccentShades };

type Rgb = readonly [red: number, green: number, blue: number];

/** What pages are made of in each scheme: the canvas, the surface of cards, and what is sunk into it (`app/globals.css`). */
export const pageGrounds = {
  light: ['#f6f6f3', '#ffffff', '#f4f5f2'],
  dark: ['#0e1312', '#151c1a', '#1b2321'],
} as const;

/** Behind notices and alerts, which may hold links too. */
export const tintedGrounds = {
  light: ['#fdeeec', '#fdf3df', '#e5f4ea', '#eaf2fa'],
  dark: ['#321a18', '#2c2413', '#14291d', '#17253a'],
} as const;

/** WCAG 2.2, 1.4.3 (AA): letters against what is behind them. */
const leastForText = 4.5;

/** WCAG 2.2, 1.4.11 (AA): a button or a focus ring against the page. */
const leastForShapes = 3;

/** How strongly two colors differ by WCAG 2.2, from 1 to 21. Both as `#rrggbb`. */
export function contrastOf(one: string, other: string): number {
  const [darker, lighter] = [luminanceOf(one), luminanceOf(other)].sort((a, b) => a - b) as [number, number];
  return (lighter + 0.05) / (darker + 0.05);
}

/**
 * What an accent color makes of both schemes. In the light one it is used as it is; for links, and in the dark scheme, its lightness
 * moves until it can be read, and its hue stays.
 *
 * @param accent `#rgb` or `#rrggbb`
 * Refuses what is no such color, and one that is too light for a button to be seen on a light page (3:1), in words that follow
 * the name of the setting.
 */
export function deriveColors(
  accent: string,
): { ok: true; value: SiteColors } | { ok: false; problem: string } {
  const channels = readHex(accent);
  if (channels === null) return { ok: false, problem: `must be a color such as #0c6350, not "${accent}"` };
  const given = writeHex(channels);
  const seen = leastContrast(given, pageGrounds.light);
  if (seen < leastForShapes) {
    // Rounded down: what was refused must not read as if it were enough.
    const figure = (Math.floor(seen * 10) / 10).toFixed(1);
    return {
      ok: false,
      problem: `is too light to be seen on a light page: its contrast is ${figure}:1, and it needs ${leastForShapes}:1 at least. Choose a darker shade of ${accent}`,
    };
  }
  return {
    ok: true,
    value: {
      light: shadesOf(given, 'light'),
      dark: shadesOf(
        moveUntil(given, +1, (shade) => reads(shade, pageGrounds.dark)),
        'dark',
      ),
    },
  };
}

/** A style sheet that takes the place of the accent of `app/globals.css`, also where it comes before that. */
export function writeColors({ light, dark }: SiteColors): string {
  return `html:root{${declare(light, 18)}}@media (prefers-color-scheme:dark){html:root{${declare(dark, 24)}}}`;
}

function declare(shades: AccentShades, haloPercent: number): string {
  const { accent, accentHover, accentInk, accentText, accentSoft, focus } = shades;
  const halo = readChannels(focus).join(' ');
  return [
    `--accent:${accent}`,
    `--accent-hover:${accentHover}`,
    `--accent-ink:${accentInk}`,
    `--accent-text:${accentText}`,
    `--accent-soft:${accentSoft}`,
    `--focus:${focus}`,
    `--focus-halo:rgb(${halo} / ${haloPercent}%)`,
  ].join(';');
}

function shadesOf(accent: string, scheme: keyof typeof pageGrounds): AccentShades {
  // One of the two always has 4.5:1: their contrasts multiply to 21.
  const accentInk = contrastOf('#ffffff', accent) >= leastForText ? '#ffffff' : '#000000';
  const accentSoft = mix(accent, pageGrounds[scheme][1], scheme === 'light' ? 0.12 : 0.2);
  const grounds = [...pageGrounds[scheme], ...tintedGrounds[scheme], accentSoft];
  return {
    accent,
    // Away from the color of the words, which therefore stay readable.
    accentHover: shift(accent, accentInk === '#ffffff' ? -0.06 : +0.06),
    accentInk,
    accentText: moveUntil(accent, scheme === 'light' ? -1 : +1, (shade) => reads(shade, grounds)),
    accentSoft,
    focus: accent,
  };
}

const reads = (color: string, grounds: readonly string[]) => leastContrast(color, grounds) >= leastForText;

function leastContrast(color: string, grounds: readonly string[]): number {
  return Math.min(...grounds.map((ground) => contrastOf(color, ground)));
}

/** Makes a color lighter (+1) or darker (-1) in steps, until it fits; at the end of the way it is white or black. */
function moveUntil(color: string, direction: 1 | -1, fits: (color: string) => boolean): string {
  for (let step = 0; step <= 100; step += 1) {
    const shade = shift(color, (direction * step) / 100);
    if (fits(shade)) return shade;
  }
  return direction === 1 ? '#ffffff' : '#000000';
}

/** A color whose lightness in OKLab is higher or lower by so much (of 1), with the same hue, and as colorful as a screen can. */
function shift(color: string, by: number): string {
  if (by === 0) return color;
  const [lightness, a, b] = toOklab(color);
  const moved = Math.min(1, Math.max(0, lightness + by));
  for (let chroma = 1; chroma >= 0; chroma -= 0.05) {
    const channels = fromOklab([moved, a * chroma, b * chroma]);
    if (channels.every((channel) => channel >= -0.5 && channel <= 255.5)) return writeHex(channels);
  }
  return moved < 0.5 ? '#000000' : '#ffffff';
}

function mix(color: string, ground: string, share: number): string {
  const below = readChannels(ground);
  return writeHex(readChannels(color).map((channel, at) => channel * share + below[at]! * (1 - share)));
}

/** The channels of `#rgb` or `#rrggbb`, each from 0 to 255; null for anything else. */
function readHex(text: string): Rgb | null {
  const digits = /^#(?:[0-9a-f]{3}){1,2}$/i.test(text) ? text.slice(1) : null;
  if (digits === null) return null;
  const long = digits.length === 3 ? [...digits].map((digit) => digit + digit).join('') : digits;
  return [0, 2, 4].map((at) => parseInt(long.slice(at, at + 2), 16)) as unknown as Rgb;
}

function writeHex(channels: readonly number[]): string {
  const write = (channel: number) =>
    Math.round(Math.min(255, Math.max(0, channel)))
      .toString(16)
      .padStart(2, '0');
  return `#${channels.map(write).join('')}`;
}

/** The relative luminance of WCAG 2.2. */
function luminanceOf(color: string): number {
  const [red, green, blue] = readChannels(color).map(toLinear) as unknown as Rgb;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** From sRGB to the light that a channel gives, from 0 to 1 (IEC 61966-2-1). */
function toLinear(channel: number): number {
  const share = channel / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}

function fromLinear(light: number): number {
  return 255 * (light <= 0.0031308 ? light * 12.92 : 1.055 * light ** (1 / 2.4) - 0.055);
}

/** Björn Ottosson, "A perceptual color space for image processing" (2020): lightness, green to red, blue to yellow. */
function toOklab(color: string): Rgb {
  const [r, g, b] = readChannels(color).map(toLinear) as unknown as Rgb;
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function fromOklab([lightness, a, b]: Rgb): number[] {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map(fromLinear);
}

function readChannels(color: string): Rgb {
  return readHex(color) ?? [0, 0, 0];
}
