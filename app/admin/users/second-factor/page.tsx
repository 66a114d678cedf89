import type { Metadata } from 'next';
import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { SiteNav } from '@/app/site-nav';
import { AdminActionForm } from '@/components/forms/staff/AdminActionForm';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { graceRoles, longestGraceDays } from '@/lib/auth/admin/second-factor-grace';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { readWithoutFactor, type WithoutFactor } from '@/lib/reporting/without-factor';
import { linkToPeople, peoplePath } from '../people-query';
import { sayRole } from '../person-words';
import { setGraceAction } from './actions';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'Second factors' : 'Not allowed' };
}

const savedWords: ReadonlyMap<string, string> = new Map([
  ['given', 'Saved. Until then these people can work without a second factor.'],
  ['ended', 'Saved. These people now have to set up a second factor first.'],
]);

/** Who holds no second factor yet, and until when brokers and staff may do without one. */
export default async function SecondFactorPage({
  searchParams,
}: {
  searchParams: Promise<{ saved?: string | string[] }>;
}) {
  const admin = await requireRole('/admin/users/second-factor', 'admin');
  const now = databaseNow();
  const { roles, timeZone } = await readWithoutFactor(db(), { adminId: admin.userId, now });
  const { saved } = await searchParams;
  const said = typeof saved === 'string' ? savedWords.get(saved) : undefined;
  return (
    <Page nav={<SiteNav part="/admin/users" />}>
      <HeadingGroup>
        <Heading>Second factors</Heading>
        <Lead>
          Brokers, staff and admins sign in with a second factor besides their password. You can give brokers
          and staff up to {longestGraceDays} days to set it up. <TextLink href={peoplePath}>People</TextLink>
        </Lead>
      </HeadingGroup>
      {said ? <SavedAlert title={said} /> : null}
      {roles.map((role) => (
        <RoleCard key={role.role} role={role} clock={{ timeZone, now }} />
      ))}
    </Page>
  );
}

function RoleCard({
  role: { role, count, first, graceUntil },
  clock,
}: {
  role: WithoutFactor;
  clock: Clock;
}) {
  return (
    <Card>
      <Heading level={2} id={role}>
        {sayRole(role)}
      </Heading>
      <Stack>
        <Text>
          {graceUntil ? (
            <>
              They can work without a second factor until <Moment at={graceUntil} clock={clock} />.
            </>
          ) : (
            'Nobody works without a second factor.'
          )}
        </Text>
        <Text>{sayCount(count, graceUntil !== null)}</Text>
        {first.length > 0 ? (
          <ul>
            {first.map(({ id, name }) => (
              <li key={id}>
                <TextLink href={`${peoplePath}/${id}`}>{name}</TextLink>
              </li>
            ))}
          </ul>
        ) : null}
        {count > first.length ? (
          <TextLink href={linkToPeople({ role, state: 'no_factor' })}>See all {count}</TextLink>
        ) : null}
        {graceRoles.some((known) => known === role) ? (
          <AdminActionForm
            action={setGraceAction}
            about={{ name: 'about', value: role }}
            idPrefix={`${role}-`}
            summary="Change until when"
            note={`What you enter counts from now, and replaces what was set before. When it ends, ${count === 0 ? 'nobody is' : count === 1 ? 'the one person above is' : `the ${count} people above are`} kept out until a second factor is set up.`}
            submitLabel="Save"
            days={{ most: longestGraceDays, now: graceUntil ? '' : '0' }}
            reasonHint="Kept in the log of what admins do."
          />
        ) : null}
      </Stack>
    </Card>
  );
}

function sayCount(count: number, hasGrace: boolean): string {
  if (count === 0) return 'Everyone holds one.';
  const who = count === 1 ? '1 person holds' : `${count} people hold`;
  return hasGrace
    ? `${who} none yet. Once it ends, they are kept out until they set one up.`
    : `${who} none yet. They can only set one up.`;
}
