import { redirect } from 'next/navigation';
import { refuseHead, streamPieces } from '@/app/export-answer';
import { db } from '@/db/client';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';
import { openMissingList } from '@/lib/bulk/missing-list';
import { bulkPath, missingWords } from '../../bulk-words';

export const dynamic = 'force-dynamic';

/** What a bulk move could not do, and why, as a file. */
export async function GET(
  _request: Request,
  { params }: { params: Promise<{ id: string }> },
): Promise<Response> {
  const { id } = await params;
  const user = await requireRole(`${bulkPath}/${id}`, 'staff', 'admin');
  const context = await readRequestContext();
  const pieces = await openMissingList(db(), user, id, (reason) => missingWords[reason], context);
  if (pieces === 'confirm_first') {
    redirect(`/users/security/confirm?next=${encodeURIComponent(`${bulkPath}/${id}`)}`);
  }
  if (pieces === null) {
    return new Response('There is no such bulk move any more.\n', {
      status: 404,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
    });
  }
  return new Response(streamPieces(pieces), {
    headers: {
      'content-type': 'text/csv; charset=utf-8',
      'content-disposition': `attachment; filename="bulk-move-${context.now.toISOString().slice(0, 10)}.csv"`,
      'cache-control': 'no-store',
    },
  });
}

export const HEAD = refuseHead;
