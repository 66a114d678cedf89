export const packsPath = '/admin/packs';

/** Where a pack about someone is asked for. */
export function linkToPacks(about: { person: string } | { phone: string }): string {
  return `${packsPath}?${new URLSearchParams(about).toString()}`;
}
