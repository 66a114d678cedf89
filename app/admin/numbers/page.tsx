import type { Metadata } from 'next';
import { signOutAction } from '@/app/users/login/actions';
import { sayMoment } from '@/app/say-moment';
import { Alert } from '@/components/Alert';
import { Card } from '@/components/Card';
import { ConfirmWithPasswordForm } from '@/components/ConfirmWithPasswordForm';
import { FactList } from '@/components/FactList';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/Heading';
import { Page } from '@/components/Page';
import { SignOutForm } from '@/components/SignOutForm';
import { TextLink } from '@/components/TextLink';
import { db } from '@/db/client';
import { requireRole } from '@/lib/auth/session';
import { listProtectedProofs, type ProtectedProof } from '@/lib/insight/protected-numbers';
import { releaseNumberAction } from './actions';

export const metadata: Metadata = { title: 'Protected numbers' };

/** Numbers of staff that somebody else proved: an admin keeps or releases them. */
export default async function ProtectedNumbersPage({
  searchParams,
}: {
  searchParams: Promise<{ saved?: string | string[] }>;
}) {
  await requireRole('/admin/numbers', 'admin');
  const proofs = await listProtectedProofs(db(), { holderUserId: null, now: new Date() });
  const { saved } = await searchParams;
  const said = typeof saved === 'string' ? savedWords[saved] : undefined;
  return (
    <Page
      actions={
        <>
          <TextLink href="/dashboard">Dashboard</TextLink>
          <SignOutForm action={signOutAction} />
        </>
      }
    >
      <HeadingGroup>
        <Heading>Protected numbers</Heading>
        <Lead>
          The number of a broker, a member of staff or an admin protects their account, so it does not move
          when somebody else enters a code sent to it. Here you decide whether it should.
        </Lead>
      </HeadingGroup>
      {said ? <Alert tone="success">{said}</Alert> : null}
      {proofs.length === 0 ? (
        <Card>
          <Text>There is nothing to decide. No protected number was proven by somebody else.</Text>
        </Card>
      ) : (
        proofs.map((proof) => (
          <Card key={proof.id} label={`The number of ${proof.holder.name}`}>
            <Stack>
              <FactList
                facts={[
                  { term: 'Number', detail: proof.maskedPhone },
                  {
                    term: 'Protects',
                    detail: `${proof.holder.name}, ${proof.holder.email} (${proof.holder.role})`,
                  },
                  { term: 'Code entered by', detail: sayProver(proof) },
                  {
                    term: 'When',
                    detail: <time dateTime={proof.at.toISOString()}>{sayMoment(proof.at, null)}</time>,
                  },
                ]}
              />
              <Text quiet>
                To keep the number where it is, do nothing. Ask {proof.holder.name} in person or by phone, not
                by text.
              </Text>
              <ConfirmWithPasswordForm
                action={releaseNumberAction}
                about={{ name: 'proof', value: String(proof.id) }}
                idPrefix={`release-${proof.id}-`}
                summary="Release this number"
                note={`${proof.holder.name} loses the number and has to add another one. Texts that wait for it are withdrawn. Whoever has the number now can then verify it.`}
                submitLabel="Release the number"
              />
            </Stack>
          </Card>
        ))
      )}
      <Text quiet>
        <TextLink href="/admin/sms">Texts and verifications</TextLink>
      </Text>
    </Page>
  );
}

const savedWords: Record<string, string | undefined> = {
  released: 'The number was released. Its earlier holder sees why when they sign in.',
  settled: 'Nothing was released: this number has left its holder already, or they proved it again.',
};

function sayProver({ prover }: ProtectedProof): string {
  return prover === null ? 'somebody whose account was deleted since' : `${prover.name}, ${prover.email}`;
}
