import { redirect } from 'next/navigation';
import { exportsPath } from '@/app/admin/exports/export-words';
import { refuseHead, streamPieces } from '@/app/export-answer';
import { db } from '@/db/client';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';
import { openExport } from '@/lib/exports/export-jobs';

export const dynamic = 'force-dynamic';

/** A finished export as a file, piece by piece as fast as it is read, so that memory does not grow with it. */
export async function GET(
  _request: Request,
  { params }: { params: Promise<{ id: string }> },
): Promise<Response> {
  const admin = await requireRole(exportsPath, 'admin');
  const { id } = await params;
  const context = await readRequestContext();
  const file = await openExport(db(), admin, id, context);
  if (file === 'confirm_first') {
    redirect(`/users/security/confirm?next=${encodeURIComponent(exportsPath)}`);
  }
  if (file === null) {
    return new Response('There is no such export, or it was removed. Start it again at /admin/exports.\n', {
      status: 404,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
    });
  }
  const { kind, format, bytes, pieces } = file;
  const type = format === 'csv' ? 'text/csv' : 'application/jsonl';
  return new Response(streamPieces(pieces), {
    headers: {
      'content-type': `${type}; charset=utf-8`,
      'content-length': String(bytes),
      'content-disposition': `attachment; filename="doorstep-${kind}-${context.now.toISOString().slice(0, 10)}.${format}"`,
      'cache-control': 'no-store',
    },
  });
}

export const HEAD = refuseHead;
