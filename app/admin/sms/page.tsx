import { redirect } from 'next/navigation';
import { overviewPath } from '@/app/admin/report-period';
import { requireRole } from '@/lib/auth/sign-in/session';

/** Where the overview was before; links to it still lead there. */
export default async function FormerOverviewPage() {
  await requireRole(overviewPath, 'admin');
  redirect(overviewPath);
}
