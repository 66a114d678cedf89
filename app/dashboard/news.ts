import type { MyApplication } from '@/lib/applications/my-applications';

/** So long what we did about an application is news on the dashboard. */
const newsDays = 14;

/** What we did about someone's applications in the last 14 days, decisions first, then the latest, `most` of them. */
export function findNews(
  applications: readonly MyApplication[],
  now: Date,
  most: number,
): readonly MyApplication[] {
  const since = now.getTime() - newsDays * 24 * 3600 * 1000;
  return applications
    .filter((application) => ourMoves.has(application.status) && application.since.getTime() >= since)
    .sort((a, b) => Number(isDecided(b)) - Number(isDecided(a)) || b.since.getTime() - a.since.getTime())
    .slice(0, most);
}

const ourMoves: ReadonlySet<MyApplication['status']> = new Set([
  'in_review',
  'documents_needed',
  'approved',
  'declined',
]);

/** Whether we decided about it. */
function isDecided({ status }: Pick<MyApplication, 'status'>): boolean {
  return status === 'approved' || status === 'declined';
}

/**
 * Where the dashboard shows each of someone's applications, once: the decision that their applicant waited for, other news, and the
 * rest. `asked`: the one that is to be answered, which comes before all of these.
 */
export function placeApplications(
  applications: readonly MyApplication[],
  {
    isApplicant,
    asked,
    now,
    most,
  }: { isApplicant: boolean; asked: MyApplication | null; now: Date; most: number },
): { decided: MyApplication | null; news: MyApplication[]; others: MyApplication[]; areAllOthers: boolean } {
  const listed = applications.filter((application) => application !== asked);
  const newest = findNews(listed, now, most);
  const decided = (isApplicant ? newest.find(isDecided) : undefined) ?? null;
  const others = listed.filter((application) => !newest.includes(application));
  return {
    decided,
    news: newest.filter((application) => application !== decided),
    others,
    areAllOthers: others.length === applications.length,
  };
}

/** What the list below the news is called. `areOthers`: it has applications, besides those that stand above it. */
export function nameList({ isApplicant, areOthers }: { isApplicant: boolean; areOthers: boolean }): string {
  if (!isApplicant) return 'Your own applications';
  return areOthers ? 'Your other applications' : 'Your applications';
}
