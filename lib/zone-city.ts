/** The city that a zone is named for: `New York`. What is named for none is its own name: `UTC`. */
export function cityOf(zone: string): string {
  return zone.slice(zone.lastIndexOf('/') + 1).replace(/_/g, ' ');
}
