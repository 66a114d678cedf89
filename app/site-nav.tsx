import { signOutAction } from '@/app/users/login/actions';
import { NavBar } from '@/components/ui/NavBar';
import { SignOutForm } from '@/components/forms/SignOutForm';
import { TextLink } from '@/components/ui/TextLink';
import { readUser } from '@/lib/auth/session';

const links = [
  { href: '/dashboard', label: 'Dashboard' },
  { href: '/users/sms-preferences', label: 'SMS preferences' },
  { href: '/users/security', label: 'Security' },
] as const;
const adminLinks = [...links, { href: '/admin/sms', label: 'Texts' }] as const;

type Place = (typeof adminLinks)[number]['href'];

/** The same navigation on every page, for whoever reads it: `page` is this page, or `part` what it belongs to. */
export async function SiteNav({ page, part }: { page?: Place; part?: Place }) {
  const user = await readUser();
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
    <NavBar
      links={user.role === 'admin' ? adminLinks : links}
      current={page ?? part}
      isPart={page === undefined}
    >
      <SignOutForm action={signOutAction} />
    </NavBar>
  );
}
