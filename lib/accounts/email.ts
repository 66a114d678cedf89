/**
 * The one form by which an email address is told apart: without regard to case, and to how its letters are composed.
 * Whatever finds, locks, limits or keeps unique goes by it, so that no spelling is another person in one place and the same
 * in another.
 */
export function emailKey(email: string): string {
  return email.trim().normalize('NFC').toLowerCase().normalize('NFC');
}
