import { Moment } from '@/app/_format/moment';
import { showStatus } from '@/app/_format/application-words';
import type { Clock } from '@/app/_format/say-moment';
import type { EventItem } from '@/components/ui/lists/EventList';
import { TextLink } from '@/components/ui/TextLink';
import { Written } from '@/components/ui/Written';
import type { MyApplication } from '@/lib/applications/my-applications';
import { applicationPath } from './application-input';

/** Applications as a list shows them to their applicant: each with its status, since when, and a link to its page. */
export function itemsOfApplications(applications: readonly MyApplication[], clock: Clock): EventItem[] {
  return applications.map(({ id, title, status, since, isAnswered }) => ({
    id,
    title: (
      <TextLink href={applicationPath(id)} standalone>
        <Written>{title}</Written>
      </TextLink>
    ),
    when: (
      <>
        {status === 'draft' ? 'Started' : 'Since'} <Moment at={since} clock={clock} />
      </>
    ),
    badge: showStatus({ status, isAnswered }),
    details: status === 'documents_needed' && !isAnswered ? ['We wait for your answer.'] : [],
  }));
}
