import { signOutAction } from '@/app/users/login/actions';
import { NavBar } from '@/components/ui/NavBar';
import { staySignedInAction } from '@/app/users/stay-signed-in';
import { IdleNotice } from '@/components/forms/IdleNotice';
import { SignOutForm } from '@/components/forms/SignOutForm';
import { TextLink } from '@/components/ui/TextLink';
import { sessionIdleSeconds, type SessionUser } from '@/lib/accounts/sessions';
import { readEnrollingUser } from '@/lib/auth/sign-in/session';
import { env } from '@/lib/env';

const home = { href: '/dashboard', label: 'Dashboard' } as const;
const applications = { href: '/applications', label: 'Applications' } as const;
const settings = [
  { href: '/users/sms-preferences', label: 'Text preferences' },
  { href: '/users/profile', label: 'Profile' },
  { href: '/users/security', label: 'Security' },
] as const;
const applicantLinks = [home, applications, ...settings] as const;
const staffLinks = [
  home,
  ...settings,
  { href: '/staff/applications', label: 'Applications' },
  { href: '/staff/opt-outs', label: 'Opt-outs' },
] as const;
const adminLinks = [
  ...staffLinks,
  { href: '/admin', label: 'Texts' },
  { href: '/admin/users', label: 'People' },
] as const;

/** Of someone whose role asks for a second factor that they have not set up. */
const enrollingLinks = [{ href: '/users/security/two-factor', label: 'Two-step sign-in' }] as const;

const linksOf = { broker: staffLinks, staff: staffLinks, admin: adminLinks } as const;

type Place = (typeof applicantLinks | typeof adminLinks)[number]['href'];

function findLinks({ role, standing }: SessionUser): readonly { href: string; label: string }[] {
  if (standing === 'enroll') return enrollingLinks;
  if (role !== 'applicant') return linksOf[role];
  // Where people apply on another site, the dashboard leads there.
  return applicantLinks.filter((link) => link !== applications || env().nextStep === null);
}

/** The same navigation on every page, for whoever reads it: `page` is this page, or `part` what it belongs to. */
export async function SiteNav({ page, part }: { page?: Place; part?: Place }) {
  const user = await readEnrollingUser();
  if (!user) {
    return (
      <NavBar>
        <TextLink href="/users/login" standalone>
          Sign in
        </TextLink>
        <TextLink href="/users/register/applicant" standalone>
          Create account
        </TextLink>
      </NavBar>
    );
  }
  return (
    <NavBar links={findLinks(user)} current={page ?? part} isPart={page === undefined}>
      <SignOutForm action={signOutAction} />
      {user.role === 'applicant' ? null : (
        <IdleNotice idleSeconds={sessionIdleSeconds(user.role)} action={staySignedInAction} />
      )}
    </NavBar>
  );
}
