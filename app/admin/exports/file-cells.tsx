import type { ReactNode } from 'react';
import { Moment } from '@/app/_format/moment';
import { RemoveExportForm } from '@/components/forms/staff/RemoveExportForm';
import type { FormAction } from '@/components/forms/form-state';
import { Text } from '@/components/ui/Heading';
import type { ListedExport } from '@/lib/exports/export-jobs';

/**
 * What a list of files says of each, be it an export or a pack: who started it, how far it is and how to download it, and how to
 * remove it. `which` names it for whoever hears only a link or a button; `state` says how far it is; `path` is that of its list.
 */
export function describeFile(
  file: Pick<ListedExport, 'id' | 'requestedBy' | 'createdAt' | 'state' | 'keptUntil'>,
  {
    which,
    state,
    path,
    remove,
    clock,
  }: {
    which: string;
    state: string;
    path: string;
    remove: FormAction<never>;
    clock: { timeZone: string; now: Date };
  },
): Record<'by' | 'state' | 'remove', ReactNode> {
  const removal = file.state === 'writing' ? 'End' : 'Remove';
  return {
    by: (
      <>
        <Moment at={file.createdAt} clock={clock} />
        {file.requestedBy === null ? '' : ` by ${file.requestedBy}`}
      </>
    ),
    state: (
      <>
        {file.state === 'done' ? (
          <a href={`${path}/${file.id}/file`} download aria-label={`Download ${which}`}>
            Download
          </a>
        ) : null}
        <Text>{state}</Text>
        {file.keptUntil === null ? null : (
          <Text quiet>
            Kept until <Moment at={file.keptUntil} clock={clock} />
          </Text>
        )}
      </>
    ),
    remove: <RemoveExportForm action={remove} id={file.id} words={removal} label={`${removal} ${which}`} />,
  };
}
