import { env } from '@/lib/env';

/** The accent of `app/globals.css` in the light scheme. */
const houseAccent = '#0c6350';

/** The colors of pictures that have no scheme: those of the light one. */
export function readBrandColors(): { accent: string; ink: string } {
  const light = env().siteColors?.light;
  return light ? { accent: light.accent, ink: light.accentInk } : { accent: houseAccent, ink: '#ffffff' };
}

/**
 * The project's own mark as an SVG in the operator's colors. `whole`: the ground fills the square and the door keeps away from
 * the edges, as systems want it that cut icons into a shape of their own.
 */
export function drawMark({ whole }: { whole: boolean }): string {
  const { accent, ink } = readBrandColors();
  const door = `<path d="M10.5 22V11.5a5.5 5.5 0 0 1 11 0V22M7.5 25h17" fill="none" stroke="${ink}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/><circle cx="18" cy="17" r="1.3" fill="${ink}"/>`;
  const drawing = whole
    ? `<rect width="32" height="32" fill="${accent}"/><g transform="translate(3.2 2.9) scale(.8)">${door}</g>`
    : `<rect width="32" height="32" rx="8" fill="${accent}"/>${door}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32" viewBox="0 0 32 32">${drawing}</svg>`;
}

/** The same as an address that a drawing can have inside. */
export function embedMark(options: { whole: boolean }): string {
  return `data:image/svg+xml;base64,${Buffer.from(drawMark(options)).toString('base64')}`;
}
