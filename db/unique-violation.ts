/** Whether a statement failed since a unique index holds the same value already (PostgreSQL error 23505). */
export function isUniqueViolation(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : null;
  return cause instanceof Error && 'code' in cause && cause.code === '23505';
}
