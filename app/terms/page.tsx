import type { Metadata } from 'next';
import { connection } from 'next/server';
import { sayPoliciesDay } from '@/app/_format/policies-day';
import { SiteNav } from '@/app/site-nav';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Prose, Text } from '@/components/ui/Heading';
import { OperatorNote } from '@/components/pages/OperatorNote';
import { Page } from '@/components/ui/Page';
import { env } from '@/lib/env';

export const metadata: Metadata = { title: 'Terms' };

export default async function TermsPage() {
  // The settings are those of the running server, not of the build.
  await connection();
  const { siteName, operator, twilio } = env();
  const hasTwoSenders = twilio?.codesSender != null;
  return (
    <Page nav={<SiteNav />}>
      <Card>
        <HeadingGroup>
          <Heading>Terms</Heading>
          <Lead>What you can expect from {siteName}, and what we ask of you.</Lead>
          <Text quiet>Effective {sayPoliciesDay()}</Text>
        </HeadingGroup>
        <Prose>
          <OperatorNote {...operator} />

          <h2>Your account</h2>
          <ul>
            <li>Use your own name and an email address that you check. One account per person.</li>
            <li>Keep your password to yourself. You are responsible for what is done with it.</li>
            <li>
              You can delete your account, except for three days after its password was reset. We may close
              accounts that are used to harm others.
            </li>
            <li>Having an account does not mean that an application will be approved.</li>
          </ul>

          <h2 id="sms">Text messages</h2>
          <ul>
            <li>
              <strong>What we send.</strong> {siteName} sends automated texts to the number you enter: a code
              each time you ask for one and, if you choose text updates, news about your application and your
              account.
            </li>
            <li>
              <strong>How often.</strong> One code each time you ask. Updates vary, usually fewer than 10 a
              month.
            </li>
            <li>
              <strong>What it costs.</strong> We charge nothing. Message and data rates may apply.
            </li>
            <li>
              <strong>How to stop.</strong> Reply STOP to any text, or turn texts off in your text
              preferences. After STOP we confirm once and then send nothing more from that number. Reply START
              to it to lift the block.
              {hasTwoSenders
                ? ' Codes that you ask for come from another number: to stop them, too, reply STOP to one of them, or STOPALL to any text.'
                : null}
            </li>
            <li>
              <strong>How to get help.</strong> Reply HELP to any text.
            </li>
            <li>
              <strong>It is your choice.</strong> Agreeing to texts is not a condition of applying or of any
              purchase.
            </li>
            <li>
              <strong>No guarantee.</strong> Carriers can delay or lose texts and are not liable for that. The
              texts we sent you are listed in your account, without their codes.
            </li>
          </ul>

          <h2>Codes</h2>
          <p>
            A code is for you alone. We will never ask you to tell us one. Enter it only on the page that
            asked for it.
          </p>

          <h2>Changes</h2>
          <p>
            If we change these terms, the new ones are on this page, with the day from which they apply. The
            consent you gave to texts keeps the wording you saw. You can read it in your text preferences.
          </p>
          <p>
            Our <a href="/privacy">privacy policy</a> explains how we handle your data.
          </p>
        </Prose>
      </Card>
    </Page>
  );
}
