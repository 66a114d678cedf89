import type { Metadata } from 'next';
import { AdminNav } from '@/app/admin/admin-nav';
import { sayAttempt, sayReason } from '@/app/admin/messages/message-words';
import { SubjectFacts } from '@/app/admin/messages/subject-facts';
import { PhoneLink } from '@/app/admin/phones/phone-link';
import { subjectHint } from '@/app/admin/messages/subject-words';
import { LogMoment } from '@/app/_format/log-moment';
import type { Clock } from '@/app/_format/say-moment';
import { sayTimes } from '@/app/_format/say-times';
import { SiteNav } from '@/app/site-nav';
import { VerificationsFilterForm } from '@/components/forms/staff/VerificationsFilterForm';
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
import type { SeenAttempt } from '@/lib/reporting/verification-attempts';
import { readVerificationsPage } from '@/lib/reporting/verifications-page';
import { searchVerificationsAction } from './actions';
import {
  linkToVerifications,
  pickVerificationsParameters,
  readVerificationsQuery,
  verificationsPath,
} from './verifications-query';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'Verifications' : 'Not allowed' };
}

/** Every attempt to verify a number, to be searched. Reads only. */
export default async function VerificationsPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  const admin = await requireRole(verificationsPath, 'admin');
  const parameters = pickVerificationsParameters(await searchParams);
  const query = readVerificationsQuery(parameters);
  const { attempts, older, subject, timeZone } = await readVerificationsPage(db(), query, admin.userId);
  const clock = { timeZone, now: databaseNow() };
  const { before, ...filters } = parameters;
  const isNarrow = query.subject !== null || query.failuresOnly;
  const linkTo = (id: string) =>
    linkToVerifications({ ...filters, about: sealSubject({ kind: 'person', id }) });
  return (
    <Page wide nav={<SiteNav part="/admin" />}>
      <HeadingGroup>
        <Heading>Verifications</Heading>
        <Lead>
          Every code that was asked for, and what came of it. Numbers of staff that someone else proved are
          listed under <TextLink href="/admin/numbers">protected numbers</TextLink>.
        </Lead>
      </HeadingGroup>
      <AdminNav here="verifications" />
      <Card label="Search">
        <VerificationsFilterForm
          key={linkToVerifications(filters)}
          action={searchVerificationsAction}
          subject={subject && subject.words}
          shown={subject && parameters.about}
          hint={subjectHint}
          failuresOnly={query.failuresOnly}
          clearHref={isNarrow ? verificationsPath : null}
        />
      </Card>
      <Card label="Verification attempts">
        <Results label="What was found" of={linkToVerifications(filters)}>
          {subject ? <SubjectFacts subject={subject} linkTo={linkTo} /> : null}
          {subject && subject.choices.length > 0 ? null : (
            <DataTable
              caption="Verification attempts, newest first"
              columns={columns}
              rows={attempts.map((attempt) => ({ id: attempt.id, cells: cellsOf(attempt, clock) }))}
              empty={isNarrow ? 'No attempt fits.' : 'Nobody asked for a code yet.'}
            />
          )}
          <Pager
            label="Verification attempts"
            newestHref={before ? linkToVerifications(filters) : null}
            olderHref={older ? linkToVerifications({ ...filters, before: older }) : null}
          />
        </Results>
      </Card>
    </Page>
  );
}

const columns = [
  { key: 'when', header: 'When' },
  { key: 'number', header: 'Number' },
  { key: 'event', header: 'What happened' },
  { key: 'reason', header: 'Reason' },
] as const;

function cellsOf(attempt: SeenAttempt, clock: Required<Clock>) {
  const { at, lastAt, event, reason } = attempt;
  const { words, tone } = sayAttempt(event, reason);
  const often = sayTimes(attempt);
  return {
    when: <LogMoment at={at} clock={clock} />,
    number: <PhoneLink of={attempt} />,
    event: <Badge tone={tone}>{words}</Badge>,
    reason: (
      <>
        {reason ? sayReason(reason) : '–'}
        {often && lastAt ? (
          <>
            {`; ${often}, last `}
            <LogMoment at={lastAt} clock={clock} />
          </>
        ) : null}
      </>
    ),
  };
}
