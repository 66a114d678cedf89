import type { ReactNode } from 'react';
import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { fullMinute } from '@/app/_format/say-when';
import { readRefusedMark } from '@/app/export-answer';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { db } from '@/db/client';
import { readExportRetry } from '@/lib/auth/settings/export-data';

/** Why no file came, as the address of the page that offers it says (`answerExport`), and from when on one does. */
export async function ExportRefused({
  user,
  refused,
  clock,
}: {
  user: { userId: string; recoveredAt: Date | null };
  refused: string | string[] | undefined;
  clock: Required<Clock>;
}) {
  const reason = readRefusedMark(refused);
  if (reason === null) return null;
  const retryAt = await readExportRetry(db(), user, reason, clock.now);
  if (reason === 'under_way') {
    return (
      <SavedAlert tone="warning" title="Your data is already being downloaded">
        Wait until that download has ended, then try again.
      </SavedAlert>
    );
  }
  // By now it is allowed: there is nothing to say.
  if (retryAt === null) return null;
  const from: ReactNode = <Moment at={fullMinute(retryAt)} clock={clock} />;
  return reason === 'recovered_lately' ? (
    <SavedAlert tone="warning" title="Your data cannot be downloaded yet">
      Your password was reset lately. To protect the account, your data can be downloaded from {from} on.
    </SavedAlert>
  ) : (
    <SavedAlert tone="warning" title="Nothing was downloaded">
      You have downloaded your data many times. You can download it again from {from} on.
    </SavedAlert>
  );
}
