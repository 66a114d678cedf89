import { TextLink } from '@/components/ui/TextLink';

export const phonesPath = '/admin/phones';

/** What to do where no whole number was typed. */
export const wholeNumberWords =
  'Enter all of a number, with the + and the country code where it is from another country.';

/** A masked number, which leads to its page; `none` where there is no number. */
export function PhoneLink({
  of: { maskedPhone, phoneId },
  none = '–',
}: {
  of: { maskedPhone: string | null; phoneId: string | null };
  none?: string;
}) {
  if (maskedPhone === null || phoneId === null) return none;
  return <TextLink href={`${phonesPath}/${phoneId}`}>{maskedPhone}</TextLink>;
}
