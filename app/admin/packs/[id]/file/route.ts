import { redirect } from 'next/navigation';
import { packsPath } from '@/app/admin/packs/packs-path';
import { refuseHead, streamPieces } from '@/app/export-answer';
import { db } from '@/db/client';
import { readRequestContext, requireRole } from '@/lib/auth/sign-in/session';
import { openPack } from '@/lib/exports/packs';

export const dynamic = 'force-dynamic';

/** A finished evidence pack, piece by piece as fast as it is read, so that memory does not grow with it. */
export async function GET(
  _request: Request,
  { params }: { params: Promise<{ id: string }> },
): Promise<Response> {
  const admin = await requireRole(packsPath, 'admin');
  const { id } = await params;
  const file = await openPack(db(), admin, id, await readRequestContext());
  if (file === 'confirm_first') {
    redirect(`/users/security/confirm?next=${encodeURIComponent(packsPath)}`);
  }
  if (file === null) {
    return new Response('There is no such pack, or it was removed. Start it again at /admin/packs.\n', {
      status: 404,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
    });
  }
  return new Response(streamPieces(file.pieces), {
    headers: {
      'content-type': 'application/zip',
      'content-length': String(file.bytes),
      'content-disposition': `attachment; filename="doorstep-evidence-${file.createdAt.toISOString().slice(0, 10)}-${id.slice(0, 8)}.zip"`,
      'cache-control': 'no-store',
    },
  });
}

export const HEAD = refuseHead;
