import type { SmsStatusAnswer } from '@/components/SmsStatus';
import { db } from '@/db/client';
import { readVerificationState } from '@/lib/sms/verification-state';
import { readProver } from '../prover';
import { sayTextState } from '../text-words';

export const dynamic = 'force-dynamic';

/** What became of the text, for the code page to ask while it is open. */
export async function GET(): Promise<Response> {
  const prover = await readProver();
  if (!prover || prover.phone === null) return new Response(null, { status: 404 });
  const now = new Date();
  const state = await readVerificationState(db(), { userId: prover.userId, phone: prover.phone }, now);
  const answer: SmsStatusAnswer = {
    status: state.text.status,
    detail: sayTextState(state.text),
    offerSkip: state.skipAt <= now,
  };
  return Response.json(answer, { headers: { 'cache-control': 'no-store' } });
}
