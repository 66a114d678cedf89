/** Called by Next once for each server, before its first request; the server answers nothing until this has resolved. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME === 'nodejs' && process.env.NEXT_PHASE !== 'phase-production-build') {
    const [{ db }, { keepDatabaseClock }, { openLog }, { shareCounts }] = await Promise.all([
      import('@/db/client'),
      import('@/db/clock'),
      import('@/lib/log'),
      import('@/lib/metrics/share-counts'),
    ]);
    shareCounts({ db, log: openLog });
    await keepDatabaseClock(db(), { onSkew: (aheadMs) => openLog().warn('clock_skew', { aheadMs }) });
  }
}
