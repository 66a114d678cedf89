import { expect, onTestFinished, test } from 'vitest';
import { decideNotices } from '@/lib/applications/decide-notices';
import { moveApplication } from '@/lib/applications/move-application';
import { listMyApplications, readMyApplication } from '@/lib/applications/my-applications';
import { readApplicationPage } from '@/lib/reporting/application-page';
import { giveApplicant, giveStaff, giveSubmitted } from '@/tests/support/applications';
import { giveManySubmitted } from '@/tests/support/bulk';
import { useDatabase } from '@/tests/support/database';
import { after, contextAt, noon } from '@/tests/support/people';
import { findBigReads, openPlanRecorder, readIndexes } from '@/tests/support/plans';

const database = useDatabase();
const many = 10_000;
/** A page of the timeline, and one more. */
const mostRows = 500;

test.each(['force_generic_plan', 'auto'] as const)(
  'however much was noted and assigned, no page about an application reads all of it, nor who decides about its news (%s)',
  async (mode) => {
    const applicant = await giveApplicant(database.db);
    const [staff, broker] = [await giveStaff(database.db), await giveStaff(database.db, 'broker')];
    const { id, version } = await giveSubmitted(database.db, applicant, noon);
    const moved = { id, to: 'in_review', version } as const;
    expect(await moveApplication(database.db, staff, moved, contextAt(after(noon, 5)))).toMatchObject({
      ok: true,
    });
    await database.pool.query('update applications set assignee_id = $1 where id = $2', [broker.userId, id]);
    for (const [kind, note] of [
      ['noted', 'For the applicant'],
      ['noted', null],
      ['assigned', null],
    ])
      await database.pool.query(
        `insert into application_events (application_id, at, kind, actor_id, actor_role, shows_at, note)
         select $1, $2::timestamptz, $3, $4, 'staff', $2::timestamptz, $5 from generate_series(1, $6::int)`,
        [id, after(noon, 6), kind, staff.userId, note, many],
      );
    // The planner takes each application for one of many.
    const others = await giveManySubmitted(database.db, [null], 3_000, noon);
    await database.pool.query(
      `insert into application_events (application_id, at, kind, to_status, actor_role, shows_at)
       select unnest($1::uuid[]), $2::timestamptz, 'moved', 'submitted', 'applicant', $2::timestamptz`,
      [others, noon],
    );
    await database.pool.query('vacuum analyze application_events');

    const recorder = openPlanRecorder(database.url, mode);
    onTestFinished(() => recorder.end());
    const { db, during } = recorder;
    const now = after(noon, 3600);
    const page = { eventsBefore: null, now };
    await during('my applications', () => listMyApplications(db, applicant.userId, now, { limit: 20 }));
    await during('my application', async () =>
      expect((await readMyApplication(db, applicant.userId, id, now))?.events).toHaveLength(100),
    );
    for (const viewer of [staff, broker])
      await during(`the page of ${viewer.role}`, async () =>
        expect((await readApplicationPage(db, viewer, id, page))?.application.id).toBe(id),
      );
    const onFault = (_notice: string, error: unknown) => {
      throw error;
    };
    await during('decide', async () => expect(await decideNotices(db, now, { onFault })).toBe(1));

    const indexes = await readIndexes(database.pool);
    const big = new Set(['application_events']);
    const found = recorder.ran
      .filter(({ journey }) => journey !== null)
      .flatMap(({ journey, statement, plan }) =>
        findBigReads(plan, { big, indexes, mostRows }).map(
          ({ fault }) => `${journey} | ${fault} | ${statement.slice(0, 200)}`,
        ),
      );
    expect(found).toEqual([]);
  },
  60_000,
);
