import { text } from './read-form';

/** One line, however it was pasted; nothing in it turns the text around it. */
export const writtenLine = text.transform((typed) =>
  typed.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\s]+/gu, ' ').trim(),
);

/** Lines as they were typed; forms send the ends of lines in two characters. */
export const writtenLines = text.transform((typed) =>
  typed
    .replace(/\r\n?|[\p{Zl}\p{Zp}]/gu, '\n')
    .replace(/[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim(),
);
