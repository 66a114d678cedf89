import { FactList } from '@/components/ui/lists/FactList';
import { Text } from '@/components/ui/Heading';
import { TextLink } from '@/components/ui/TextLink';
import type { SeenSubject } from '@/lib/reporting/message-subject';

/** Whose texts are listed, with the way to their page; or whom to choose from, each by `linkTo`. Nothing about a number. */
export function SubjectFacts({
  subject: { words, person, application, choices, isMore },
  linkTo,
}: {
  subject: SeenSubject;
  linkTo: (userId: string) => string;
}) {
  if (person !== null) {
    return (
      <Text>
        Of <TextLink href={`/admin/users/${person.id}`}>{person.name}</TextLink>:{' '}
        <TextLink href={`/admin/users/${person.id}/texts`}>
          what keeps the next text back, consents and limits
        </TextLink>
      </Text>
    );
  }
  if (application !== null) {
    return (
      <Text>
        About <TextLink href={`/staff/applications/${application}`}>one application</TextLink>
      </Text>
    );
  }
  if (choices.length === 0) return null;
  return (
    <>
      <Text>
        Several people have a name or an email that begins with “{words}”. Choose one.
        {isMore ? ' There are more: enter more of the name to see them.' : null}
      </Text>
      <FactList
        facts={choices.map(({ id, name, email, maskedPhone }) => ({
          term: [email, maskedPhone ?? 'no phone'].join(', '),
          detail: <TextLink href={linkTo(id)}>{name}</TextLink>,
        }))}
      />
    </>
  );
}
