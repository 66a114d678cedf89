import type { Metadata } from 'next';
import { AdminNav } from '@/app/admin/admin-nav';
import { Moment } from '@/app/_format/moment';
import { SiteNav } from '@/app/site-nav';
import { Card } from '@/components/ui/Card';
import { ConfirmWithPasswordForm } from '@/components/forms/settings/ConfirmWithPasswordForm';
import { FactList } from '@/components/ui/lists/FactList';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { Page } from '@/components/ui/Page';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { readProtectedNumbers, type ProtectedProof } from '@/lib/reporting/protected-numbers';
import { releaseNumberAction } from './actions';

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'Protected numbers' : 'Not allowed' };
}

/** Numbers of staff that someone else proved: an admin keeps or releases them. */
export default async function ProtectedNumbersPage({
  searchParams,
}: {
  searchParams: Promise<{ saved?: string | string[] }>;
}) {
  const admin = await requireRole('/admin/numbers', 'admin');
  const now = databaseNow();
  const { timeZone, proofs } = await readProtectedNumbers(db(), admin.userId, now);
  const clock = { timeZone, now };
  const { saved } = await searchParams;
  const said = typeof saved === 'string' ? savedWords.get(saved) : undefined;
  return (
    <Page nav={<SiteNav part="/admin" />}>
      <HeadingGroup>
        <Heading>Protected numbers</Heading>
        <Lead>
          A broker’s, staff member’s or admin’s account is protected by their phone number, so the number does
          not move when someone else enters a code sent to it. Here you decide whether it should.
        </Lead>
      </HeadingGroup>
      <AdminNav here="verifications" />
      {said ? <SavedAlert title={said} /> : null}
      {proofs.length === 0 ? (
        <Card>
          <Text>There is nothing to decide. No protected number was proven by someone else.</Text>
        </Card>
      ) : (
        proofs.map((proof) => (
          <Card key={proof.id} label={`The number of ${proof.holder.name}`}>
            <Heading level={2}>The number of {proof.holder.name}</Heading>
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
                    detail: <Moment at={proof.at} clock={clock} />,
                  },
                ]}
              />
              <Text quiet>
                To keep the number where it is, do nothing. Ask {proof.holder.name} in person or by phone, not
                by text.
              </Text>
              <ConfirmWithPasswordForm
                action={releaseNumberAction}
                asksPassword={false}
                about={{ name: 'proof', value: String(proof.id) }}
                idPrefix={`release-${proof.id}-`}
                summary="Release this number"
                note={`${proof.holder.name} loses the number and has to add another one. Waiting texts are canceled. Whoever has the number now can then verify it.`}
                submitLabel="Release the number"
              />
            </Stack>
          </Card>
        ))
      )}
    </Page>
  );
}

const savedWords: ReadonlyMap<string, string> = new Map([
  ['released', 'The number was released. Its earlier holder sees why when they sign in.'],
  ['settled', 'Nothing was released: this number has left its holder already, or they proved it again.'],
]);

function sayProver({ prover }: ProtectedProof): string {
  return prover === null ? 'someone whose account was deleted since' : `${prover.name}, ${prover.email}`;
}
