'use client';

import { Button } from '@/components/ui/Button';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Page } from '@/components/ui/Page';

/**
 * What a person sees when a page failed: what happened, what was kept, what to do. Of the error only its digest is
 * shown, which is beside it in the server's log.
 */
export function Failure({ error, retry }: { error: unknown; retry: () => void }) {
  const digest =
    typeof error === 'object' && error !== null && 'digest' in error && typeof error.digest === 'string'
      ? error.digest
      : null;
  return (
    <Page>
      <Card>
        <HeadingGroup>
          <Heading>Something went wrong on our side</Heading>
          <Lead>
            Anything you saved earlier is safe. What you just sent may not have gone through, so check before
            you send it again.
          </Lead>
        </HeadingGroup>
        <Stack gap="small">
          <Button type="button" wide onClick={retry}>
            Try again
          </Button>
          <LinkButton href="/" wide>
            Go to the front page
          </LinkButton>
        </Stack>
        {digest ? <Text quiet>If it keeps happening, tell us this reference: {digest}</Text> : null}
      </Card>
    </Page>
  );
}
