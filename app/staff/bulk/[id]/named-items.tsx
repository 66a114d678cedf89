import { applicationsPath } from '@/app/staff/applications/applications-query';
import { Disclosure } from '@/components/ui/Disclosure';
import { Prose } from '@/components/ui/Heading';
import { TextLink } from '@/components/ui/TextLink';
import { Written } from '@/components/ui/Written';
import type { BulkItem } from '@/lib/bulk/bulk-page';
import { chanceWords } from '../bulk-words';

/** Some applications of a bulk move by name, each with its applicant and, where it would not be moved, why. */
export function NamedItems({ summary, items }: { summary: string; items: readonly BulkItem[] }) {
  return (
    <Disclosure summary={summary}>
      <Prose>
        <ul>
          {items.map(({ id, title, applicant, chance }) => (
            <li key={id}>
              {title === null ? (
                'One that cannot be named'
              ) : (
                <>
                  <TextLink href={`${applicationsPath}/${id}`}>
                    <Written>{title}</Written>
                  </TextLink>
                  , of{' '}
                  {applicant === null ? 'someone whose account was deleted' : <Written>{applicant}</Written>}
                </>
              )}
              {chance === null || chance === 'allowed' ? null : `: ${chanceWords[chance]}`}
            </li>
          ))}
        </ul>
      </Prose>
    </Disclosure>
  );
}
