import type { Metadata } from 'next';
import type { ReactNode } from 'react';
import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { SiteNav } from '@/app/site-nav';
import { AdminActionForm } from '@/components/forms/staff/AdminActionForm';
import { PumpingOrderForm } from '@/components/forms/staff/PumpingOrderForm';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { DataTable } from '@/components/ui/lists/DataTable';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { longestOrderDays } from '@/lib/auth/admin/order-pumping';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import type { PumpingGuard } from '@/lib/env';
import { readPumpingPage, type SeenOrder } from '@/lib/reporting/pumping-page';
import { AdminNav } from '../admin-nav';
import { peoplePath } from '../users/people-query';
import { endPumpingOrderAction, orderPumpingAction } from './actions';
import { sayAbout, sayCaught, sayKind, sayOrderReason } from './pumping-words';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'Pumping' : 'Not allowed' };
}

const savedWords: ReadonlyMap<string, string> = new Map([
  ['allowed', 'Saved. Codes go there from now on.'],
  ['blocked', 'Saved. Codes to new numbers do not go there from now on.'],
  ['ended', 'Ended. It has no effect any more.'],
  ['settled', 'It had ended already. Nothing was changed.'],
]);

const guardWords: Record<PumpingGuard, string> = {
  off: 'The guard is off (PUMPING_GUARD=off): nothing is counted or closed, and what stands here has no effect.',
  record:
    'The guard only records (PUMPING_GUARD=record): it writes down what it would close, and everyone still gets their code. Only what an admin blocks gets no code.',
  enforce:
    'The guard closes (PUMPING_GUARD=enforce): new numbers of a closed range, or from a closed network, get no code until the time under “Until”.',
};

const columns = [
  { key: 'about', header: 'What' },
  { key: 'begun', header: 'Since' },
  { key: 'ends', header: 'Until' },
  { key: 'caught', header: 'People caught' },
] as const;

/** What the pumping guard closed or would have closed, whom it caught, and what admins block and allow. */
export default async function PumpingPage({
  searchParams,
}: {
  searchParams: Promise<{ saved?: string | string[] }>;
}) {
  const admin = await requireRole('/admin/pumping', 'admin');
  const now = databaseNow();
  const page = await readPumpingPage(db(), { adminId: admin.userId, now });
  const { saved } = await searchParams;
  const said = typeof saved === 'string' ? savedWords.get(saved) : undefined;
  const clock = { timeZone: page.timeZone, now };
  return (
    <Page wide nav={<SiteNav part="/admin" />}>
      <HeadingGroup>
        <Heading>Pumping</Heading>
        <Lead>
          Pumping is a fraud: robots ask for codes to numbers whose owners earn money by each text. Nobody
          enters those codes, and you pay for the texts. Where too many codes are not entered, the guard
          closes the range of numbers or the network for a while. New numbers there get no code; numbers that
          are proven already still do.
        </Lead>
      </HeadingGroup>
      <AdminNav here="pumping" />
      {said ? <SavedAlert title={said} /> : null}
      <Card label="In force now">
        <Stack>
          <DataTable
            caption={page.guard === 'record' ? 'In force now, or would be' : 'In force now'}
            columns={columns}
            rows={page.standing.map((order) => toRow(order, { clock, guard: page.guard, isStanding: true }))}
            empty="Nothing is closed, blocked or allowed."
          />
          <Text quiet>{guardWords[page.guard]}</Text>
          {page.guard === 'off' ? null : (
            <Text quiet>
              Usually there is nothing to do: it opens by itself. If real people are caught, open it again and
              allow the range below.
            </Text>
          )}
        </Stack>
      </Card>
      <Card label="The last 30 days">
        <Stack>
          <DataTable
            caption="The last 30 days"
            columns={columns}
            rows={page.past.map((order) => toRow(order, { clock, guard: page.guard, isStanding: false }))}
            empty="Nothing was closed, blocked or allowed."
          />
          <Text quiet>
            People who entered a code later, then or another time, are real people, not robots.
          </Text>
          {page.isCut ? <Text quiet>There is more than is shown here.</Text> : null}
        </Stack>
      </Card>
      <Card label="Block or allow">
        <Heading level={2}>Block or allow</Heading>
        <PumpingOrderForm action={orderPumpingAction} mostDays={longestOrderDays} />
      </Card>
    </Page>
  );
}

function toRow(
  order: SeenOrder,
  { clock, guard, isStanding }: { clock: Clock; guard: PumpingGuard; isStanding: boolean },
): { id: string; cells: Record<(typeof columns)[number]['key'], ReactNode> } {
  return {
    id: order.id,
    cells: {
      about: (
        <Stack>
          <span data-pumping-order={order.kind}>
            {sayAbout(order)}: {sayKind(order, guard)}
          </span>
          <Text quiet>{sayOrderReason(order)}</Text>
          {isStanding ? (
            <AdminActionForm
              action={endPumpingOrderAction}
              about={{ name: 'order', value: order.id }}
              idPrefix={`${order.id}-`}
              which={sayAbout(order)}
              summary={order.kind === 'closed' ? 'Open it again' : 'End it now'}
              note={
                order.kind === 'closed'
                  ? 'What closed it does not count any more. It closes again if as many codes are not entered.'
                  : 'From then on it is as for all other numbers.'
              }
              submitLabel={order.kind === 'closed' ? 'Open again' : 'End now'}
              reasonHint="Kept in the log of what admins do."
            />
          ) : null}
        </Stack>
      ),
      begun: <Moment at={order.begunAt} clock={clock} />,
      ends: <Moment at={order.endsAt} clock={clock} />,
      caught: (
        <>
          {sayCaught(order)}
          {order.people.length > 0 ? (
            <Text quiet>
              {order.people.map(({ id, name }, index) => (
                <span key={id}>
                  {index === 0 ? '' : ', '}
                  <TextLink href={`${peoplePath}/${id}`}>{name}</TextLink>
                </span>
              ))}
              {order.caught > order.people.length ? ' …' : ''}
            </Text>
          ) : null}
        </>
      ),
    },
  };
}
