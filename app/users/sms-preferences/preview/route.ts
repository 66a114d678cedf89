import { databaseNow } from '@/db/clock';
import type { QuietHoursPreview } from '@/components/forms/settings/QuietHoursForm';
import { readUser } from '@/lib/auth/sign-in/session';
import { sayPreview } from '../preview-words';
import { readQuietHours } from '../quiet-hours-input';

export const dynamic = 'force-dynamic';

/** What quiet hours would do, in words, while they are being chosen. Saves nothing. */
export async function GET(request: Request): Promise<Response> {
  const user = await readUser();
  if (!user) return new Response(null, { status: 401 });
  const query = new URL(request.url).searchParams;
  const form = readQuietHours((name) => query.get(name) ?? '');
  const answer: QuietHoursPreview = {
    words: form.ok
      ? await sayPreview(form.fields, user.phone, databaseNow())
      : (Object.values(form.fieldErrors)[0] ?? ''),
  };
  return Response.json(answer, { headers: { 'cache-control': 'no-store' } });
}
