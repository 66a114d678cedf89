import type { Metadata } from 'next';
import { Card } from '@/components/Card';
import { Heading, HeadingGroup, Lead, Prose } from '@/components/Heading';
import { Page } from '@/components/Page';

export const metadata: Metadata = { title: 'Terms' };

export default function TermsPage() {
  return (
    <Page>
      <Card>
        <HeadingGroup>
          <Heading>Terms</Heading>
          <Lead>What you can expect from Doorstep, and what we ask of you.</Lead>
        </HeadingGroup>
        <Prose>
          <h2>Your account</h2>
          <ul>
            <li>Give your own name and an e-mail address that you read. One account per person.</li>
            <li>Keep your password to yourself. What is done with it counts as done by you.</li>
            <li>
              You may close your account at any time. We may close accounts that are used to harm others.
            </li>
            <li>An account is no promise that an application succeeds.</li>
          </ul>

          <h2 id="sms">Text messages</h2>
          <ul>
            <li>
              <strong>Who and why.</strong> Doorstep sends automated texts to the number you enter: a code
              each time you ask for one and, if you choose SMS updates, news about your application and your
              account.
            </li>
            <li>
              <strong>How often.</strong> One code each time you ask. Updates vary, usually fewer than 10 a
              month.
            </li>
            <li>
              <strong>What it costs.</strong> We charge nothing. Message and data rates of your carrier may
              apply.
            </li>
            <li>
              <strong>How to stop.</strong> Reply STOP to any text, or switch texts off in your SMS
              preferences. We confirm once and then send nothing more. Reply START to lift the block.
            </li>
            <li>
              <strong>How to get help.</strong> Reply HELP to any text.
            </li>
            <li>
              <strong>It is your choice.</strong> Agreeing to texts is not a condition of applying or of any
              purchase.
            </li>
            <li>
              <strong>No guarantee.</strong> Carriers can delay or lose texts and are not liable for that.
              Everything we text also stands in your account.
            </li>
          </ul>

          <h2>Codes</h2>
          <p>
            A code is for you alone. Nobody who works with us will ask you for it. Enter it only on the page
            that asked for it.
          </p>

          <h2>Changes</h2>
          <p>
            When these terms change in a way that matters, we say so before it applies. The consent to texts
            that you gave keeps the wording you saw; you find it in your SMS preferences.
          </p>
          <p>
            How we handle your data stands in the <a href="/privacy">privacy policy</a>.
          </p>
        </Prose>
      </Card>
    </Page>
  );
}
