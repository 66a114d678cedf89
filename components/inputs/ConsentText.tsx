import type { Wording, WordingPart } from '@/lib/consent/wording';
import styles from './ConsentText.module.css';

/** A consent text with its links, exactly as it is recorded: each part that has a title begins a line. */
export function ConsentText({ wording, id }: { wording: Pick<Wording, 'parts'>; id?: string }) {
  const lines: WordingPart[][] = [];
  for (const part of wording.parts) {
    if (part.title || lines.length === 0) lines.push([part]);
    else lines.at(-1)!.push(part);
  }
  return (
    <div id={id} className={styles.terms}>
      {lines.map((line) => (
        <p key={line[0]!.text}>
          {line[0]!.title ? <strong className={styles.title}>{line[0]!.title}: </strong> : null}
          {line.map(({ text, href }) =>
            href ? (
              <a key={text} href={href} target="_blank" rel="noopener">
                {text}
              </a>
            ) : (
              text
            ),
          )}
        </p>
      ))}
    </div>
  );
}
