import type { Metadata } from 'next';
import { Card } from '@/components/Card';
import { Heading, HeadingGroup, Lead, Prose } from '@/components/Heading';
import { Page } from '@/components/Page';

export const metadata: Metadata = { title: 'Privacy' };

export default function PrivacyPage() {
  return (
    <Page>
      <Card>
        <HeadingGroup>
          <Heading>Privacy</Heading>
          <Lead>What we know about you, what for, who else sees it, and how long we keep it.</Lead>
        </HeadingGroup>
        <Prose>
          <h2>What we keep</h2>
          <ul>
            <li>
              <strong>Your account:</strong> e-mail address, name, time zone, and your password as a one-way
              hash that nobody can read back.
            </li>
            <li>
              <strong>Your phone, if you give it:</strong> the number, whether you proved it is yours, and
              what you chose to be texted about.
            </li>
            <li>
              <strong>Security records:</strong> the internet address and browser of sign-ins and of attempts
              to verify a phone.
            </li>
          </ul>

          <h2 id="sms">Text messages</h2>
          <ul>
            <li>
              Doorstep is the sender. We text codes that you ask for and, if you choose SMS updates, news
              about your application and your account. Nothing else, and no advertising.
            </li>
            <li>
              One code each time you ask; updates vary, usually fewer than 10 a month. Message and data rates
              may apply. Reply STOP to stop, HELP for help.
            </li>
            <li>
              <strong>
                We do not sell or share mobile numbers, or the fact that you agreed to texts, with third
                parties or affiliates for marketing or promotion.
              </strong>{' '}
              Your number and the text go only to the company that delivers our texts, and to the carriers,
              for that purpose alone.
            </li>
            <li>
              We keep a record of each text (when, to which number, whether it arrived, what it cost). A code
              is never stored.
            </li>
          </ul>

          <h2>How long</h2>
          <ul>
            <li>Your account: until you delete it. An account that you never activated can be replaced.</li>
            <li>
              What you agreed to and when you withdrew it, with the wording you saw: for as long as the law
              lets somebody ask us to prove it, also after your account is gone. It is kept for nothing else.
            </li>
            <li>
              Texts, sign-ins and attempts: as part of your account, and as long as limits and disputes need
              them.
            </li>
          </ul>

          <h2>Cookies</h2>
          <p>
            Only those the site needs: one that keeps you signed in, one while a phone is being verified, and
            ones that protect the forms. No tracking, no advertising.
          </p>

          <h2>Your rights</h2>
          <p>
            You can see and change your data in your account, withdraw your consent to texts at any time, and
            ask us for a copy of everything or for its deletion.
          </p>
        </Prose>
      </Card>
    </Page>
  );
}
