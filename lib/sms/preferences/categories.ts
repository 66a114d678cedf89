/** The kinds of texts that a person turns on and off one by one. */
export const textCategories = ['applicationStatus', 'reminders', 'security'] as const;

export type TextCategory = (typeof textCategories)[number];

/** What belongs to each kind, by the name of its template; a template that is in no list here obeys no such switch. */
export const categoryTemplates = {
  applicationStatus: ['applicationStatus', 'documentsNeeded'],
  reminders: ['documentsReminder'],
  security: ['securityNotice'],
} as const satisfies Record<TextCategory, readonly string[]>;

/** The kind that a template belongs to; null: codes, answers, tests, the first text, notices of a number's removal, links. */
export function categoryOf(template: string): TextCategory | null {
  return (
    textCategories.find((category) =>
      (categoryTemplates[category] as readonly string[]).includes(template),
    ) ?? null
  );
}
