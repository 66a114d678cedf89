/** The token of a mail's link, as it came in the query (`?link=…`); '' without one, and no link has that token. */
export function linkTokenOf({ link }: { link?: string | string[] | undefined }): string {
  return typeof link === 'string' ? link : '';
}
