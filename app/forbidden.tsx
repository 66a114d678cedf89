import type { Metadata } from 'next';
import { Heading, HeadingGroup, Lead } from '@/components/Heading';
import { LinkButton } from '@/components/LinkButton';
import { Page } from '@/components/Page';

export const metadata: Metadata = { title: 'Not for this account' };

export default function Forbidden() {
  return (
    <Page>
      <HeadingGroup>
        <Heading>This page is not for your account</Heading>
        <Lead>You are signed in, but this page needs another role. Nothing was changed.</Lead>
      </HeadingGroup>
      <LinkButton href="/dashboard">Back to the dashboard</LinkButton>
    </Page>
  );
}
