import type { Metadata } from 'next';
import { connection } from 'next/server';
import { sayPoliciesDay } from '@/app/_format/policies-day';
import { sayDays } from '@/app/_format/say-days';
import { SiteNav } from '@/app/site-nav';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Prose, Text } from '@/components/ui/Heading';
import { OperatorNote } from '@/components/pages/OperatorNote';
import { Page } from '@/components/ui/Page';
import { env } from '@/lib/env';
import { isMailOn } from '@/lib/mail/outbox';

export const metadata: Metadata = { title: 'Privacy' };

export default async function PrivacyPage() {
  // The settings are those of the running server, not of the build.
  await connection();
  const { siteName, operator, retention } = env();
  const { messagesDays, attemptsDays, pendingDays, applicationsDays } = retention;
  return (
    <Page nav={<SiteNav />}>
      <Card>
        <HeadingGroup>
          <Heading>Privacy</Heading>
          <Lead>What we know about you, why, who else sees it, and how long we keep it.</Lead>
          <Text quiet>Effective {sayPoliciesDay()}</Text>
        </HeadingGroup>
        <Prose>
          <OperatorNote {...operator} />

          <h2>What we keep</h2>
          <ul>
            <li>
              <strong>Your account:</strong> your email address, name and time zone, and a one-way hash of
              your password that nobody can turn back into the password. If you set up two-step sign-in, what
              checks it: the public keys of your passkeys, the key of your authenticator app, hashes of your
              recovery codes.
            </li>
            <li>
              <strong>Your applications:</strong> what you write, what we answer, and what was decided. Our
              staff read them, and the broker whom one is assigned to.
            </li>
            <li>
              <strong>Your phone, if you add one:</strong> the number, whether you have verified it, which
              texts you want, and what you text to us.
            </li>
            <li>
              <strong>Security records:</strong> what was done to your account, and by whom. Each sign-in,
              change, attempt to verify a phone and agreement to texts has the internet address and the
              browser that it came from.
            </li>
          </ul>

          <h2>Email</h2>
          <ul>
            {isMailOn() ? (
              <>
                <li>
                  We email you links that you ask for or need, tell you when something that protects your
                  account was changed or a new browser signed in, and send you news about your application
                  where it does not go by text. Nothing else, and no advertising.
                </li>
                <li>
                  We keep a record of each email: when it was sent, to which address, and what it was about.
                  Your address and the email go only to the company that delivers our mail.
                </li>
              </>
            ) : (
              <li>We send no email. You sign in with your address.</li>
            )}
          </ul>

          <h2 id="sms">Text messages</h2>
          <ul>
            <li>
              {siteName} is the sender. We text you the codes you ask for and, if you choose text updates,
              news about your application and your account. Nothing else, and no advertising.
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
              Your number and the text go only to the company that delivers our texts and to the carriers,
              only for delivery. That company also learns which codes were entered, so that it can tell where
              codes are asked for by fraud.
            </li>
            <li>
              We keep a record of each text: when it was sent, to which number, whether it arrived, and what
              it cost. We never store a code.
            </li>
          </ul>

          <h2>How long we keep it</h2>
          <ul>
            <li>
              Your account: until you delete it. If you never finish setting it up, it goes by itself after{' '}
              {sayDays(pendingDays)}, or when the same email address is registered again.
            </li>
            <li>
              What you agreed to, when you withdrew it, and the wording you saw, and that a number replied
              STOP: for as long as the law can require us to prove it, even after your account is gone. We use
              it only to honor it and to prove it.
            </li>
            <li>
              Texts and emails: {sayDays(messagesDays)}, or until you delete your account. After that we keep
              only when there was one, what became of it and what it cost. A text that says STOP is kept as
              proof.
            </li>
            <li>
              Applications you handed in, with what was written about them: {sayDays(applicationsDays)} after
              they were decided or withdrawn, even after your account is gone. Drafts go with your account.
            </li>
            <li>
              Attempts to verify a phone, and the internet addresses and browsers of everything:{' '}
              {sayDays(attemptsDays)}, or until you delete your account. The list of what was done to
              accounts, and when, stays.
            </li>
            <li>
              When an account is gone, we replace its number with a code that only we can compute, so that we
              can still answer questions about that number.
            </li>
          </ul>

          <h2>Cookies</h2>
          <p>
            Only the ones the site needs: one keeps you signed in, one is set while you verify a phone or sign
            in in two steps, one while you reset your password by text, one remembers for 180 days that you
            gave your password in this browser, so that strangers who guess passwords cannot lock you out, and
            one, if you choose it, that you trust this browser for 30 days. No tracking, no advertising.
          </p>

          <h2>Your rights</h2>
          <p>
            You can see and change your data in your account, download it, withdraw your consent to texts at
            any time, and delete your account. For three days after a password was reset, downloading and
            deleting wait, so that nobody who took over an email can do either.
          </p>
        </Prose>
      </Card>
    </Page>
  );
}
