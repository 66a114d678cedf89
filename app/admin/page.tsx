import type { Metadata } from 'next';
import type { ReactNode } from 'react';
import { SiteNav } from '@/app/site-nav';
import { ChartGrid } from '@/components/charts/ChartGrid';
import { FunnelBars } from '@/components/charts/FunnelBars';
import { GroupedBars } from '@/components/charts/GroupedBars';
import { StackedBars } from '@/components/charts/StackedBars';
import { TimeLines } from '@/components/charts/TimeLines';
import { FindForm } from '@/components/forms/staff/FindForm';
import { PeriodForm } from '@/components/forms/staff/PeriodForm';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { Card } from '@/components/ui/Card';
import { Fold } from '@/components/ui/Fold';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { CompactTable } from '@/components/ui/lists/CompactTable';
import { CountList } from '@/components/ui/lists/CountList';
import { FigureGrid } from '@/components/ui/lists/FigureGrid';
import { Notice } from '@/components/ui/Notice';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { env } from '@/lib/env';
import { readAdminOverview } from '@/lib/reporting/admin-overview';
import { readPercentile } from '@/lib/reporting/rollups/latency';
import { dayOf } from '@/lib/reporting/rollups/report-days';
import type { Report } from '@/lib/reporting/rollups/report';
import { AdminNav } from './admin-nav';
import { AttackFigures } from './attack-figures';
import { AlarmList, alarmSavedWords } from './alarms/alarm-list';
import { findAction } from './find-actions';
import { linkToMessages } from './messages/messages-query';
import { subjectHint } from './messages/subject-words';
import { isPresetOf, linkToCsv, overviewPath, presets, readPeriod, type ReportPeriod } from './report-period';
import { listFigures, listSteps, makeTable, outcomesOf, stepDaysOf, type TableName } from './report-tables';
import { sayCount, sayMicros, sayReportDay, saySeconds, sayZone } from './report-words';
import { listHealth, sayHealth } from './sender/health-rows';
import { SendingNowFigures } from './sending-now';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'Texts: overview' : 'Not allowed' };
}

/** A phone shows these, and folds the others. */
const mainFigures = 5;

/** How sending is now, and what became of texts and verifications in some days. Reads only. */
export default async function AdminOverviewPage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  await requireRole(overviewPath, 'admin');
  const now = databaseNow();
  const { reportTimeZone: timeZone } = env();
  const today = dayOf(now, timeZone);
  const search = await searchParams;
  const period = readPeriod(search, today);
  const said = typeof search.saved === 'string' ? alarmSavedWords.get(search.saved) : undefined;
  const { alarms, health, attack, report } = await readAdminOverview(
    db(),
    { ...period, stepDays: stepDaysOf(period) },
    now,
  );
  const name = namePeriod(period, today);
  const clock = { timeZone, now };
  const figures = listFigures(report, period);
  const healthRows = listHealth(health, clock);
  return (
    <Page wide nav={<SiteNav page="/admin" />}>
      <HeadingGroup>
        <Heading>Texts: overview</Heading>
        <Lead>
          What texts cost, whether they arrive, and how verifications go. Days are those of{' '}
          {sayZone(timeZone)}.
        </Lead>
      </HeadingGroup>
      <AdminNav here="overview" />
      {said ? <SavedAlert title={said} /> : null}
      <Card label="Now">
        <Heading level={2}>Now</Heading>
        <AlarmList open={alarms} clock={clock} page="/admin" />
        <SendingNowFigures
          sending={health.sending}
          rows={healthRows}
          isStopTold={alarms.alarms.some(({ kind }) => kind === 'sender_stopped')}
          clock={clock}
        />
        <Text quiet>
          {alarms.alarms.length === 0 && !alarms.isUnchecked ? 'No alarm is open. ' : null}
          {sayHealth(healthRows)} <TextLink href="/admin/sender">See how the sender does</TextLink>
        </Text>
      </Card>
      <Card label="Are we under attack?" id="attack">
        <AttackFigures signs={attack} />
      </Card>
      <Card label="Find">
        <Heading level={2}>Find</Heading>
        <FindForm action={findAction} hint={subjectHint} />
      </Card>
      <Card label="Days" id="days">
        <Heading level={2}>{name}</Heading>
        <CountList
          label="Days"
          parts={presets.map((preset) => ({
            id: preset.id,
            words: preset.words,
            href: `${overviewPath}?days=${preset.id}#days`,
            isCurrent: isPresetOf(preset, period, today),
          }))}
        />
        <div>
          <Fold title="Other days">
            <PeriodForm action={`${overviewPath}#days`} {...period} today={today} />
          </Fold>
        </div>
        {report.missingDays.length > 0 ? (
          <Notice tone="warning" title="Some days are missing">
            {report.missingDays.length === 1
              ? 'One day is'
              : `${sayCount(report.missingDays.length)} days are`}{' '}
            still being summed up, in the background. Look again in a few minutes.
          </Notice>
        ) : null}
        <FigureGrid label={name} figures={figures.slice(0, mainFigures)} />
        <div>
          <Fold title="More figures" note={name}>
            <FigureGrid label="More figures" figures={figures.slice(mainFigures)} />
          </Fold>
        </div>
      </Card>
      <Card label="Charts" id="charts">
        <Fold title="Charts" note={name}>
          <Charts report={report} period={period} today={today} name={name} />
        </Fold>
      </Card>
      <Card label="Verifications" id="verifications">
        <Fold title="How far codes came" note={sayFunnel(report)} heads>
          <FunnelBars label="How far codes came" steps={funnelSteps(report)} />
        </Fold>
      </Card>
      <Breakdown title="By purpose" table="purpose" report={report} period={period} />
      <Breakdown title="By country" table="country" report={report} period={period} />
      <Breakdown title="By area code" table="area" report={report} period={period} />
      <Breakdown title="Errors and reasons" table="error" report={report} period={period} />
      <Breakdown title="Refused by a rule" table="refusal" report={report} period={period}>
        <Text quiet>
          What each rule allows is under <TextLink href="/admin/limits">Limits</TextLink>.
        </Text>
      </Breakdown>
    </Page>
  );
}

function namePeriod({ first, last }: ReportPeriod, today: string): string {
  if (first === last) return first === today ? 'Today' : sayReportDay(first, today);
  return `${sayReportDay(first, today)} to ${sayReportDay(last, today)}`;
}

/** Series are named for people; their steps are days, hours of one day, or weeks of a long time. */
function Charts({
  report,
  period,
  today,
  name,
}: {
  report: Report;
  period: ReportPeriod;
  today: string;
  name: string;
}) {
  const isOneDay = period.first === period.last;
  const drawn = listSteps(report, period, today);
  const steps = drawn.map(({ label }) => label);
  const all = drawn.map((step) => step.all);
  const out = drawn.map((step) => step.out);
  const outcomes = out.map(outcomesOf);
  const csv = (table: TableName) => linkToCsv(table, period);
  return (
    <ChartGrid>
      <StackedBars
        title="Dollars"
        summary={`Dollars spent, ${name}: ${sayMicros(sum(all, (each) => each.settledMicros + each.reservedMicros))} in all.`}
        steps={steps}
        series={[
          { name: 'Settled', tone: 1, values: all.map(({ settledMicros }) => settledMicros) },
          { name: 'Reserved', tone: 2, values: all.map(({ reservedMicros }) => reservedMicros) },
        ]}
        say={sayMicros}
        csvHref={csv('spend')}
      />
      <StackedBars
        title="Texts"
        summary={`Texts by what became of them, ${name}: ${sayCount(sum(out, (each) => each.texts))} in all, ${sayCount(sum(out, (each) => each.failed))} failed.`}
        steps={steps}
        series={[
          { name: 'Delivered', tone: 1, values: outcomes.map(([delivered]) => delivered) },
          { name: 'On their way', tone: 3, values: outcomes.map(([, onTheirWay]) => onTheirWay) },
          { name: 'Failed', tone: 4, values: outcomes.map(([, , failed]) => failed) },
          { name: 'Canceled', tone: 2, values: outcomes.map(([, , , canceled]) => canceled) },
        ]}
        say={sayCount}
        csvHref={csv('texts')}
      />
      <TimeLines
        title="Time to delivery"
        summary={`How long texts took to arrive, ${name}.`}
        steps={steps}
        series={[
          {
            name: 'Half within',
            tone: 1,
            values: out.map(({ latencies }) => readPercentile(latencies, 0.5)),
          },
          {
            name: '95% within',
            tone: 2,
            values: out.map(({ latencies }) => readPercentile(latencies, 0.95)),
          },
        ]}
        say={saySeconds}
        csvHref={csv('delivery')}
      />
      {isOneDay ? null : (
        <GroupedBars
          title="Registrations and verified numbers"
          summary={`Registrations and verified numbers, ${name}.`}
          steps={steps}
          series={[
            { name: 'Registered', tone: 3, values: drawn.map(({ registered }) => registered) },
            { name: 'Verified', tone: 1, values: drawn.map(({ verified }) => verified) },
          ]}
          say={sayCount}
          csvHref={csv('people')}
        />
      )}
    </ChartGrid>
  );
}

function sum<Row>(rows: readonly Row[], of: (row: Row) => number): number {
  return rows.reduce((total, row) => total + of(row), 0);
}

function funnelSteps({ period }: Report) {
  const names = {
    asked: 'Asked for',
    sent: 'Sent',
    delivered: 'Delivered',
    entered: 'Entered',
    verified: 'Verified',
  };
  return Object.entries(names).map(([key, name]) => ({ name, count: period.events.funnel[key] ?? 0 }));
}

function sayFunnel({ period: { events } }: Report): string {
  return `${sayCount(events.funnel.verified ?? 0)} of ${sayCount(events.funnel.asked ?? 0)} verified`;
}

/** The longest rows of a table; the file has all. */
const mostRows = 15;

function Breakdown({
  title,
  table,
  report,
  period,
  children,
}: {
  title: string;
  table: TableName;
  report: Report;
  period: ReportPeriod;
  children?: ReactNode;
}) {
  const { columns, rows, errorCodes } = makeTable(report, table);
  return (
    <Card label={title} id={table}>
      {rows.length === 0 ? (
        <>
          <Heading level={2}>{title}</Heading>
          <Text quiet>Nothing yet in these days. What texts and codes add up to will be here.</Text>
        </>
      ) : (
        <Fold title={title} note={rows.length === 1 ? '1 row' : `${sayCount(rows.length)} rows`}>
          <CompactTable
            caption={title}
            columns={columns}
            rows={rows
              .slice(0, mostRows)
              .map(([key, ...figures], index) => [
                nameRow(String(key), errorCodes?.[index] ?? null),
                ...figures.map(sayFigure),
              ])}
          />
          <TextLink href={linkToCsv(table, period)}>
            {rows.length > mostRows ? `Download all ${sayCount(rows.length)} rows as CSV` : 'Download as CSV'}
          </TextLink>
        </Fold>
      )}
      {children}
    </Card>
  );
}

/** An error of the provider leads to the texts that met it. */
function nameRow(name: string, errorCode: number | null): ReactNode {
  if (errorCode === null) return name;
  return <TextLink href={linkToMessages({ error: String(errorCode) })}>{name}</TextLink>;
}

/** A figure of a table: a number as it is counted, dollars as they are exact. */
function sayFigure(figure: string | number | null): string {
  if (typeof figure === 'number') return sayCount(figure);
  return figure === null ? '–' : sayMicros(Math.round(Number(figure) * 1_000_000));
}
