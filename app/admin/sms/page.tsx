import type { Metadata } from 'next';
import { sayLogMoment } from '@/app/_format/say-moment';
import { sayTimes } from '@/app/_format/say-times';
import { SiteNav } from '@/app/site-nav';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { CompactTable } from '@/components/ui/lists/CompactTable';
import { DataTable } from '@/components/ui/lists/DataTable';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { Pager } from '@/components/ui/lists/Pager';
import { SmsFilterForm } from '@/components/forms/staff/SmsFilterForm';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { maskNumberFilter } from '@/lib/reporting/number-filter';
import { readSmsOverview, spendDays } from '@/lib/reporting/sms-overview';
import type { SpendRow } from '@/lib/reporting/sms-spend';
import type { SeenText } from '@/lib/reporting/sms-texts';
import type { SeenAttempt } from '@/lib/reporting/verification-attempts';
import { filterSmsAction } from './actions';
import { linkToOverview, overviewPath, pickParameters, readOverviewQuery, statuses } from './overview-query';
import { sayAttempt, sayPurpose, sayReason, sayStatus } from './overview-words';
import { sayUsd } from './say-usd';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'Texts and verifications' : 'Not allowed' };
}

/** What texts cost, what became of them and how verifications went. Reads only. */
export default async function AdminSmsPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  await requireRole(overviewPath, 'admin');
  const parameters = pickParameters(await searchParams);
  const query = readOverviewQuery(parameters);
  const { spend, texts, attempts } = await readSmsOverview(db(), query, databaseNow());
  const { before, attemptsBefore, ...filters } = parameters;
  return (
    <Page wide nav={<SiteNav part="/admin" />}>
      <HeadingGroup>
        <Heading>Texts and verifications</Heading>
        <Lead>
          What texts cost, what became of <TextLink href="#texts">each text</TextLink> and how{' '}
          <TextLink href="#attempts">verifications</TextLink> went. Times are UTC. Numbers of staff that
          someone else proved are listed under <TextLink href="/admin/numbers">protected numbers</TextLink>.
        </Lead>
      </HeadingGroup>
      <Card label="Spend">
        <CompactTable
          caption={`Spend per day, last ${spendDays} days`}
          columns={spendColumns}
          rows={spend.days.map((row) => spendCells(sayDay(row.day), row))}
          total={spendCells('Total', spend.total)}
        />
      </Card>
      <Card label="Filter" id="filter">
        <SmsFilterForm
          key={linkToOverview(filters)}
          action={filterSmsAction}
          number={query.number && maskNumberFilter(query.number)}
          shownNumber={query.number && parameters.number}
          status={query.status ?? ''}
          statuses={statuses}
          failuresOnly={query.failuresOnly}
          clearHref={query.number || query.status || query.failuresOnly ? `${overviewPath}#filter` : null}
        />
      </Card>
      <Card label="Texts" id="texts">
        <DataTable
          caption="Texts, newest first"
          columns={textColumns}
          rows={texts.texts.map((text) => ({ id: text.id, cells: textCells(text) }))}
          empty="No text fits."
        />
        <Pager
          label="Texts"
          newestHref={before ? linkToOverview({ ...filters, attemptsBefore }, 'texts') : null}
          olderHref={
            texts.older ? linkToOverview({ ...filters, attemptsBefore, before: texts.older }, 'texts') : null
          }
        />
      </Card>
      <Card label="Verification attempts" id="attempts">
        <DataTable
          caption="Verification attempts, newest first"
          columns={attemptColumns}
          rows={attempts.attempts.map((attempt) => ({ id: attempt.id, cells: attemptCells(attempt) }))}
          empty="No attempt fits."
        />
        <Pager
          label="Verification attempts"
          newestHref={attemptsBefore ? linkToOverview({ ...filters, before }, 'attempts') : null}
          olderHref={
            attempts.older
              ? linkToOverview({ ...filters, before, attemptsBefore: attempts.older }, 'attempts')
              : null
          }
        />
      </Card>
    </Page>
  );
}

const spendColumns = ['Day', 'Texts', 'Segments', 'Settled', 'Estimated'] as const;

function spendCells(day: string, { texts, segments, settledUsd, estimatedUsd }: SpendRow) {
  return [day, texts, segments, sayUsd(settledUsd), sayUsd(estimatedUsd)] as const;
}

function sayDay(day: string): string {
  return new Date(day).toLocaleDateString('en-US', { month: 'short', day: 'numeric', timeZone: 'UTC' });
}

const textColumns = [
  { key: 'when', header: 'When' },
  { key: 'number', header: 'Number' },
  { key: 'purpose', header: 'Purpose' },
  { key: 'status', header: 'Status' },
  { key: 'segments', header: 'Segments', align: 'end' },
  { key: 'price', header: 'Price', align: 'end' },
  { key: 'why', header: 'Error and reason' },
] as const;

function textCells(text: SeenText) {
  const status = sayStatus(text.status);
  const why = [text.errorCode && `Error ${text.errorCode}`, text.reason && sayReason(text.reason)]
    .filter(Boolean)
    .join(': ');
  return {
    when: <When at={text.createdAt} />,
    number: text.maskedPhone,
    purpose: sayPurpose(text.purpose),
    status: <Badge tone={status.tone}>{status.words}</Badge>,
    segments: text.segments ?? '–',
    price: text.priceUsd === null ? '–' : `${sayUsd(text.priceUsd)}${text.settled ? '' : '\u00a0est.'}`,
    why: text.inboundBody === null ? why || '–' : `“${text.inboundBody}”`,
  };
}

const attemptColumns = [
  { key: 'when', header: 'When' },
  { key: 'number', header: 'Number' },
  { key: 'event', header: 'What happened' },
  { key: 'reason', header: 'Reason' },
] as const;

function attemptCells(attempt: SeenAttempt) {
  const { at, lastAt, maskedPhone, event, reason } = attempt;
  const { words, tone } = sayAttempt(event, reason);
  const often = sayTimes(attempt);
  return {
    when: <When at={at} />,
    number: maskedPhone ?? '–',
    event: <Badge tone={tone}>{words}</Badge>,
    reason: (
      <>
        {reason ? sayReason(reason) : '–'}
        {often && lastAt ? (
          <>
            {`; ${often}, last `}
            <When at={lastAt} />
          </>
        ) : null}
      </>
    ),
  };
}

/** A moment in UTC in one unbroken piece. */
function When({ at }: { at: Date }) {
  const words = sayLogMoment(at, { timeZone: null, now: databaseNow() });
  return <time dateTime={at.toISOString()}>{words.replaceAll(' ', '\u00a0')}</time>;
}
