import type { Metadata } from 'next';
import { Moment } from '@/app/_format/moment';
import { SiteNav } from '@/app/site-nav';
import { AdminActionForm } from '@/components/forms/staff/AdminActionForm';
import { InviteForm } from '@/components/forms/staff/InviteForm';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { Card } from '@/components/ui/Card';
import { EventList } from '@/components/ui/lists/EventList';
import { Heading, HeadingGroup, Lead } from '@/components/ui/Heading';
import { Notice } from '@/components/ui/Notice';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { sayLinkLife } from '@/lib/mail/links';
import { isMailOn } from '@/lib/mail/outbox';
import { readInvitationsPage } from '@/lib/reporting/invitations';
import { peoplePath } from '../people-query';
import { roles, sayRole } from '../person-words';
import { inviteAction, withdrawAction } from './actions';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'Invite someone' : 'Not allowed' };
}

const savedWords: ReadonlyMap<string, string> = new Map([
  ['invited', 'The invitation is on its way.'],
  ['withdrawn', 'The invitation was withdrawn. Its link no longer works.'],
  ['over', 'Nothing was withdrawn: this invitation was used already, or is over.'],
]);

/** Invites people by mail, and lists the invitations that are open. */
export default async function InvitePage({
  searchParams,
}: {
  searchParams: Promise<{ saved?: string | string[] }>;
}) {
  const admin = await requireRole('/admin/users/invite', 'admin');
  const now = databaseNow();
  const { invitations, timeZone } = await readInvitationsPage(db(), { adminId: admin.userId, now });
  const clock = { timeZone, now };
  const { saved } = await searchParams;
  const said = typeof saved === 'string' ? savedWords.get(saved) : undefined;
  return (
    <Page nav={<SiteNav part="/admin/users" />}>
      <HeadingGroup>
        <Heading>Invite someone</Heading>
        <Lead>
          They get a link by email that works once, for {sayLinkLife('invite')}. There they choose a password,
          and their account is open. <TextLink href={peoplePath}>People</TextLink>
        </Lead>
      </HeadingGroup>
      {said ? <SavedAlert title={said} /> : null}
      {isMailOn() ? (
        <Card label="Invitation">
          <InviteForm action={inviteAction} roles={roles} />
        </Card>
      ) : (
        <Notice tone="warning" title="This site cannot send mail">
          Nobody can be invited until the operator sets up mail. Until then, they can open accounts at the
          terminal.
        </Notice>
      )}
      <Card>
        <Heading level={2} id="open">
          Open invitations
        </Heading>
        <EventList
          empty="None."
          items={invitations.map((invitation) => ({
            id: invitation.id,
            title: `${invitation.name}, ${invitation.email}`,
            badge: invitation.isGood ? undefined : { tone: 'warning' as const, words: 'Will be refused' },
            when: (
              <>
                Sent <Moment at={invitation.sentAt} clock={clock} />, until{' '}
                <Moment at={invitation.expiresAt} clock={clock} />
              </>
            ),
            details: [
              `${sayRole(invitation.role)}, invited by ${invitation.invitedBy ?? 'someone whose account was deleted since'}`,
              ...(invitation.isGood ? [] : ['Whoever sent it is no longer an admin. Send it again.']),
              ...(invitation.reason === null ? [] : [`Reason: ${invitation.reason}`]),
            ],
            action: (
              <AdminActionForm
                action={withdrawAction}
                about={{ name: 'invitation', value: invitation.id }}
                idPrefix={`withdraw-${invitation.id}-`}
                summary="Withdraw"
                note={`The link that was sent to ${invitation.email} no longer works.`}
                submitLabel="Withdraw the invitation"
                variant="danger"
              />
            ),
          }))}
        />
      </Card>
    </Page>
  );
}
