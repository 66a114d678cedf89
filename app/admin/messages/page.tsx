import type { Metadata } from 'next';
import { AdminNav } from '@/app/admin/admin-nav';
import { PhoneLink } from '@/app/admin/phones/phone-link';
import { LogMoment } from '@/app/_format/log-moment';
import type { Clock } from '@/app/_format/say-moment';
import { SiteNav } from '@/app/site-nav';
import { MessagesFilterForm } from '@/components/forms/staff/MessagesFilterForm';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { DataTable } from '@/components/ui/lists/DataTable';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { Results } from '@/components/ui/lists/Results';
import { Page } from '@/components/ui/Page';
import { Pager } from '@/components/ui/lists/Pager';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { sealSubject } from '@/lib/reporting/message-subject';
import { readMessagesPage } from '@/lib/reporting/messages-page';
import type { SeenText } from '@/lib/reporting/sms-texts';
import { searchMessagesAction } from './actions';
import { sayPrice, sayStatus, sayTemplate, sayWhy, statuses, templates } from './message-words';
import { linkToMessages, messagesPath, pickMessagesParameters, readMessagesQuery } from './messages-query';
import { SubjectFacts } from './subject-facts';
import { subjectHint } from './subject-words';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'All texts' : 'Not allowed' };
}

/** Every text, to be searched and narrowed down. Reads only. */
export default async function MessagesPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const admin = await requireRole(messagesPath, 'admin');
  const parameters = pickMessagesParameters(await searchParams);
  const query = readMessagesQuery(parameters);
  const { texts, older, subject, timeZone } = await readMessagesPage(db(), query, admin.userId);
  const clock = { timeZone, now: databaseNow() };
  const { before, ...filters } = parameters;
  const isNarrow = query.subject ?? query.status ?? query.template ?? query.errorCode;
  const linkTo = (id: string) => linkToMessages({ ...filters, about: sealSubject({ kind: 'person', id }) });
  return (
    <Page wide nav={<SiteNav part="/admin" />}>
      <HeadingGroup>
        <Heading>All texts</Heading>
        <Lead>Every text that we sent, or that people sent us. Each leads to its own page.</Lead>
      </HeadingGroup>
      <AdminNav here="messages" />
      <Card label="Search">
        <MessagesFilterForm
          key={linkToMessages(filters)}
          action={searchMessagesAction}
          subject={subject && subject.words}
          shown={subject && parameters.about}
          hint={subjectHint}
          status={query.status ?? ''}
          statuses={statuses}
          template={query.template ?? ''}
          templates={templates}
          errorCode={query.errorCode === null ? '' : String(query.errorCode)}
          clearHref={isNarrow === null ? null : messagesPath}
        />
      </Card>
      <Card label="Texts">
        <Results label="What was found" of={linkToMessages(filters)}>
          {subject ? <SubjectFacts subject={subject} linkTo={linkTo} /> : null}
          {subject && subject.choices.length > 0 ? null : (
            <DataTable
              caption="Texts, newest first"
              columns={columns}
              rows={texts.map((text) => ({ id: text.id, cells: cellsOf(text, clock) }))}
              empty={isNarrow === null ? 'No text was sent or came in yet.' : 'No text fits.'}
            />
          )}
          <Pager
            label="Older and newer texts"
            newestHref={before ? linkToMessages(filters) : null}
            olderHref={older ? linkToMessages({ ...filters, before: older }) : null}
          />
        </Results>
      </Card>
    </Page>
  );
}

const columns = [
  { key: 'when', header: 'When' },
  { key: 'number', header: 'Number' },
  { key: 'text', header: 'Text' },
  { key: 'status', header: 'State' },
  { key: 'price', header: 'Price', align: 'end' },
  { key: 'why', header: 'Error and reason' },
] as const;

function cellsOf(text: SeenText, clock: Required<Clock>) {
  const status = sayStatus(text.status);
  return {
    when: (
      <TextLink href={`${messagesPath}/${text.id}`}>
        <LogMoment at={text.createdAt} clock={clock} />
      </TextLink>
    ),
    number: <PhoneLink of={text} none="Erased" />,
    text: sayTemplate(text.template),
    status: <Badge tone={status.tone}>{status.words}</Badge>,
    price: sayPrice(text) ?? '–',
    why: text.inboundBody === null ? (sayWhy(text) ?? '–') : `“${text.inboundBody}”`,
  };
}
