import { drizzle } from 'drizzle-orm/node-postgres';
import { expect, type Page } from 'playwright/test';
import { addNote } from '@/lib/applications/add-to-timeline';
import { moveApplication, undoMove } from '@/lib/applications/move-application';
import type { ApplicationStatus } from '@/lib/applications/moves';
import { saveUndoSeconds, undoTime } from '@/lib/applications/undo-time';
import { database, readRows } from './database';
import { button, expectPage, field, open } from './journeys';
import { makePerson } from './staff';

export const applicationPaths = { list: '/applications', start: '/applications/new' } as const;

/** The element that says how far an application is. */
export const statusOf = (page: Page) => page.locator('[data-application-status]');

/** Writes a new application and presses a button; answers its id, which is in the address of its page. */
export async function writeApplication(
  page: Page,
  { title, message = 'Two rooms, please.' }: { title: string; message?: string },
  press: 'Save draft' | 'Submit application',
): Promise<string> {
  await open(page, applicationPaths.start);
  await field(page, 'title').fill(title);
  await field(page, 'message').fill(message);
  await button(page, press).click();
  await expect(page).toHaveURL(/\/applications\/[0-9a-f-]{36}/);
  const id = /[0-9a-f-]{36}/.exec(page.url())![0];
  await expectPage(page, `/applications/${id}`);
  return id;
}

let staffId: Promise<string> | undefined;

/** Someone of the staff, who waits as long as one can before anyone sees what they did. */
function findStaff(): Promise<string> {
  staffId ??= (async () => {
    const { id } = await makePerson('staff', { app: false });
    await saveUndoSeconds(drizzle(database()), id, undoTime.longest);
    return id;
  })();
  return staffId;
}

const contextAt = (now: Date) => ({ now, address: '10.0.0.1', userAgent: 'test' });

/**
 * Staff moves an application: so long ago that its applicant sees it, unless it is `hidden`. Answers what takes it back.
 */
export async function moveAsStaff(
  id: string,
  to: ApplicationStatus,
  { note, hidden = false }: { note?: string; hidden?: boolean } = {},
): Promise<{ undo: () => Promise<void> }> {
  const db = drizzle(database());
  const viewer = { userId: await findStaff(), role: 'staff' as const };
  const [row] = await readRows<{ version: number }>('select version from applications where id = $1', [id]);
  const now = new Date(Date.now() - (hidden ? 0 : (undoTime.longest + 1) * 1000));
  const wanted = { id, to, version: row!.version, note };
  const moved = await moveApplication(db, viewer, wanted, contextAt(now));
  if (!moved.ok) throw new Error(moved.reason);
  const { eventId } = moved;
  return {
    undo: async () => {
      const undone = await undoMove(db, viewer, { id, eventId }, contextAt(new Date()));
      if (!undone.ok) throw new Error(undone.reason);
    },
  };
}

/** Staff writes a note, for the applicant and for themselves. */
export async function noteAsStaff(
  id: string,
  { note, internalNote }: { note: string; internalNote: string },
): Promise<void> {
  const viewer = { userId: await findStaff(), role: 'staff' as const };
  const added = await addNote(drizzle(database()), viewer, { id, note, internalNote }, contextAt(new Date()));
  if (!added.ok) throw new Error(added.reason);
}
