import type { SmsStatusAnswer } from '@/components/sms/SmsStatus';
import { db } from '@/db/client';
import { readRequestContext } from '@/lib/auth/sign-in/session';
import { networkOf } from '@/lib/client-address';
import { hearsCodes, readVerificationState } from '@/lib/sms/verification/state';
import { readProver } from '../require-prover';
import { sayTextState, wayOnOf } from '../text-words';

export const dynamic = 'force-dynamic';

/** What became of the text, for the code page to ask while it is open. Nothing (204) where nobody verifies any more. */
export async function GET(): Promise<Response> {
  const prover = await readProver();
  if (!prover || prover.phone === null) return new Response(null, { status: 204 });
  const { userId, phone, lastChallenge } = prover;
  const { now, address } = await readRequestContext();
  const about = { userId, phone, lastChallenge, network: networkOf(address) };
  const state = await readVerificationState(db(), about, now);
  const answer: SmsStatusAnswer = {
    status: state.text.status,
    detail: sayTextState(state.text, wayOnOf(prover)),
    offerSkip: state.skipAt <= now,
    hearsCodes: hearsCodes(state),
  };
  return Response.json(answer, { headers: { 'cache-control': 'no-store' } });
}
