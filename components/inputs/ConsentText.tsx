import type { Wording } from '@/lib/consent/wording';

/** A consent text with its links, exactly as it is recorded. */
export function ConsentText({ wording }: { wording: Pick<Wording, 'parts'> }) {
  return (
    <>
      {wording.parts.map(({ text, href }) =>
        href ? (
          <a key={text} href={href} target="_blank" rel="noopener">
            {text}
          </a>
        ) : (
          text
        ),
      )}
    </>
  );
}
