import type { Metadata } from 'next';
import { redirect } from 'next/navigation';
import { Moment } from '@/app/_format/moment';
import type { Clock } from '@/app/_format/say-moment';
import { SiteNav } from '@/app/site-nav';
import { nameDevice } from '@/app/users/security/device-words';
import { explainChange } from '@/app/users/factor-words';
import { ActionForm } from '@/components/forms/ActionForm';
import { CodeForm } from '@/components/forms/code/CodeForm';
import { AddPasskeyForm } from '@/components/forms/factors/AddPasskeyForm';
import { RecoveryCodeForm } from '@/components/forms/factors/RecoveryCodeForm';
import { RecoveryCodeList } from '@/components/forms/factors/RecoveryCodeList';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { Card } from '@/components/ui/Card';
import { EventList } from '@/components/ui/lists/EventList';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { Notice } from '@/components/ui/Notice';
import { Page } from '@/components/ui/Page';
import { QrCode } from '@/components/ui/QrCode';
import { TextLink } from '@/components/ui/TextLink';
import { db } from '@/db/client';
import { isEnrolled } from '@/lib/accounts/factors';
import type { SessionUser } from '@/lib/accounts/sessions';
import { readRequestContext, requireEnrollingUser } from '@/lib/auth/sign-in/session';
import { refuseFactors } from '@/lib/auth/two-factor/change-factors';
import { readFactorsPage, type FactorsPage } from '@/lib/auth/two-factor/factors-page';
import { fewCodes } from '@/lib/auth/two-factor/recovery-codes';
import {
  addPasskeyAction,
  beginRecoveryCodesAction,
  beginTotpAction,
  endTrustAction,
  finishRecoveryCodesAction,
  finishTotpAction,
  removePasskeyAction,
  removeTotpAction,
} from './actions';
import { GraceNotice } from './grace-notice';
import { SmsCard } from './sms-card';

export const metadata: Metadata = { title: 'Two-step sign-in' };

const here = '/users/security/two-factor';

const savedWords: ReadonlyMap<string, string> = new Map([
  ['passkey', 'The passkey was added.'],
  ['passkey-removed', 'The passkey was removed. Delete it on your device, too.'],
  ['totp-begun', 'Your key is below. Scan it, then enter the code that your app shows.'],
  ['totp', 'Your authenticator app is set up.'],
  ['totp-removed', 'Your authenticator app was removed.'],
  ['recovered', 'You are in. If you lost a device, remove it below and set up another.'],
  ['phone', 'Your number is verified. Now turn on codes by text.'],
  ['sms-begun', 'We texted you a code. Enter it below.'],
  ['sms', 'Codes by text are on.'],
  ['sms-removed', 'Codes by text are off.'],
  [
    'codes-begun',
    'Your new codes are below. Save them, then type one of them back. They do not work before that.',
  ],
  ['codes', 'Your recovery codes count from now on. Earlier ones no longer work.'],
  ['trust', 'That browser is no longer trusted.'],
]);

/** Where a second factor is set up, and all about those that someone has. */
export default async function TwoFactorPage({
  searchParams,
}: {
  searchParams: Promise<{ saved?: string | string[] }>;
}) {
  const user = await requireEnrollingUser(here);
  const { now, userAgent } = await readRequestContext();
  const refused = refuseFactors(user, now);
  if (refused === 'confirm_first') redirect(`/users/security/confirm?next=${encodeURIComponent(here)}`);
  const { saved } = await searchParams;
  const savedNow = typeof saved === 'string' ? savedWords.get(saved) : undefined;
  if (refused !== null) {
    return (
      <Page nav={<SiteNav part="/users/security" />}>
        <Heading>Two-step sign-in</Heading>
        <Notice tone="warning">{explainChange({ reason: refused }, now, null)}</Notice>
      </Page>
    );
  }
  const page = await readFactorsPage(db(), user, now);
  const clock = { timeZone: page.timeZone, now };
  return (
    <Page nav={<SiteNav part="/users/security" />}>
      <HeadingGroup>
        <Heading>Two-step sign-in</Heading>
        <Lead>Something that only you have, besides your password.</Lead>
      </HeadingGroup>
      {savedNow ? <SavedAlert title={savedNow} /> : null}
      {/* A key that waits to be scanned comes first. */}
      {page.waitingTotp ? <Totp page={page} clock={clock} /> : null}
      <Standing user={user} page={page} clock={clock} />
      <Passkeys page={page} clock={clock} suggestedName={nameDevice(userAgent)} />
      {page.waitingTotp ? null : <Totp page={page} clock={clock} />}
      {page.sms ? <SmsCard sms={page.sms} clock={clock} /> : null}
      <RecoveryCodes page={page} hasFactor={Object.values(user.factors).includes(true)} />
      {page.trustedDevices.length > 0 ? <TrustedDevices page={page} clock={clock} /> : null}
    </Page>
  );
}

/** What is still to be done, first of all. */
function Standing({ user, page, clock }: { user: SessionUser; page: FactorsPage; clock: Clock }) {
  if (user.graceUntil !== null && !isEnrolled(user.role, user.factors)) {
    return <GraceNotice until={user.graceUntil} clock={clock} />;
  }
  if (user.standing === 'enroll') {
    return (
      <Notice tone="warning" title="Your role needs a second factor">
        <p>
          {user.role === 'admin'
            ? 'Set up a passkey or an authenticator app below. '
            : 'Set up one of the ways below. A passkey is the safest and the fastest. '}
          Nothing else opens before that.
        </p>
      </Notice>
    );
  }
  const hasCode = page.totp !== null || user.factors.sms;
  if (user.role === 'applicant' && user.factors.passkey && !hasCode) {
    return (
      <Notice title="Your password still works by itself">
        <p>
          You can sign in with your passkey alone, or with your password. Once you set up an authenticator
          app, your password is always followed by a second step.
        </p>
      </Notice>
    );
  }
  if (page.recoveryCodesLeft === null && page.waitingCodes !== null) {
    return (
      <Notice tone="warning" title="Your recovery codes do not work yet">
        <p>Save them, then type one of them back below.</p>
      </Notice>
    );
  }
  if (page.recoveryCodesLeft === null && (hasCode || user.role !== 'applicant')) {
    return (
      <Notice tone="warning" title="You have no recovery codes">
        <p>If you lose your device, they are how you come back. Make them below.</p>
      </Notice>
    );
  }
  return null;
}

function Passkeys({
  page,
  clock,
  suggestedName,
}: {
  page: FactorsPage;
  clock: Clock;
  suggestedName: string;
}) {
  return (
    <Card>
      <HeadingGroup>
        <Heading level={2} id="passkeys">
          Passkeys
        </Heading>
        <Text quiet>
          Sign in with your fingerprint, face or screen lock. Nobody can guess a passkey, and no fake site can
          ask for it.
        </Text>
      </HeadingGroup>
      {page.passkeys.length > 0 ? (
        <EventList
          empty=""
          items={page.passkeys.map((passkey) => ({
            id: passkey.id,
            title: passkey.name,
            titleId: `passkey-${passkey.id}`,
            when: passkey.lastUsedAt ? (
              <>
                Last used <Moment at={passkey.lastUsedAt} clock={clock} />
              </>
            ) : (
              'Not used yet'
            ),
            details: [
              <>
                Added <Moment at={passkey.createdAt} clock={clock} />
              </>,
            ],
            action: (
              <ActionForm
                action={removePasskeyAction}
                label="Remove this passkey"
                describedBy={`passkey-${passkey.id}`}
                fields={{ passkeyId: passkey.id }}
              />
            ),
          }))}
        />
      ) : null}
      {page.passkeyOptions ? (
        <AddPasskeyForm
          action={addPasskeyAction}
          options={page.passkeyOptions}
          suggestedName={suggestedName}
        />
      ) : (
        <Text quiet>You have as many passkeys as an account can have. Remove one to add another.</Text>
      )}
    </Card>
  );
}

function Totp({ page, clock }: { page: FactorsPage; clock: Clock }) {
  const { totp, waitingTotp } = page;
  const about = (
    <Text quiet>
      An app on your phone shows a new six-digit code every 30 seconds, even without a signal.
    </Text>
  );
  const present = totp ? (
    <Text>
      Set up <Moment at={totp.confirmedAt} clock={clock} />
      {totp.lastUsedAt ? (
        <>
          , last used <Moment at={totp.lastUsedAt} clock={clock} />
        </>
      ) : null}
      .
    </Text>
  ) : null;
  return (
    <Card>
      <HeadingGroup>
        <Heading level={2} id="authenticator">
          Authenticator app
        </Heading>
        {waitingTotp ? null : about}
      </HeadingGroup>
      {waitingTotp ? null : present}
      {waitingTotp ? (
        <Stack>
          <QrCode text={waitingTotp.uri} label="QR code with the key for your authenticator app" />
          <Text>
            Scan this with your app, or type the key into it. Then enter the code that the app shows.
          </Text>
          <Text>
            Is the app on this phone? <TextLink href={waitingTotp.uri}>Open it with the key</TextLink>.
          </Text>
          <Text>
            Key: <code data-totp-key={waitingTotp.key}>{waitingTotp.key.match(/.{1,4}/g)!.join(' ')}</code>
          </Text>
          <CodeForm
            action={finishTotpAction}
            label="Code from the app"
            submitLabel="Turn on"
            autoFocus={false}
            idPrefix="totp-"
          />
        </Stack>
      ) : (
        <ActionForm
          action={beginTotpAction}
          label={totp ? 'Set up another authenticator app' : 'Set up an authenticator app'}
        />
      )}
      {waitingTotp ? present : null}
      {totp ? <ActionForm action={removeTotpAction} label="Remove the authenticator app" /> : null}
    </Card>
  );
}

function RecoveryCodes({ page, hasFactor }: { page: FactorsPage; hasFactor: boolean }) {
  const { recoveryCodesLeft: left, waitingCodes } = page;
  return (
    <Card>
      <HeadingGroup>
        <Heading level={2} id="recovery-codes">
          Recovery codes
        </Heading>
        <Text quiet>In case you lose your phone. Each works once, after your password.</Text>
      </HeadingGroup>
      {left !== null ? (
        <Text>
          You have {left === 1 ? '1 code' : `${left} codes`} left.
          {left <= fewCodes ? ' Make new ones soon.' : ''}
        </Text>
      ) : null}
      {waitingCodes ? (
        <Stack>
          <Text>These do not work yet. Save them, then type one of them back.</Text>
          <RecoveryCodeList codes={waitingCodes} />
          <RecoveryCodeForm
            action={finishRecoveryCodesAction}
            label="Type one of them"
            hint="To show that you saved them. It stays unused."
            submitLabel="I saved them"
          />
        </Stack>
      ) : hasFactor ? (
        <ActionForm
          action={beginRecoveryCodesAction}
          label={left === null ? 'Make recovery codes' : 'Make new recovery codes'}
          note={left === null ? undefined : 'The ones you have work until you type back one of the new ones.'}
        />
      ) : (
        <Text quiet>Set up a passkey or an authenticator app first.</Text>
      )}
    </Card>
  );
}

function TrustedDevices({ page, clock }: { page: FactorsPage; clock: Clock }) {
  return (
    <Card>
      <HeadingGroup>
        <Heading level={2} id="trusted">
          Trusted browsers
        </Heading>
        <Text quiet>They are not asked for a second step when you sign in.</Text>
      </HeadingGroup>
      <EventList
        empty=""
        items={page.trustedDevices.map((device) => ({
          id: device.id,
          title: nameDevice(device.userAgent),
          titleId: `trusted-${device.id}`,
          when: (
            <>
              Last used <Moment at={device.lastUsedAt} clock={clock} />
            </>
          ),
          details: [
            <>
              Until <Moment at={device.expiresAt} clock={clock} />
            </>,
          ],
          action: (
            <ActionForm
              action={endTrustAction}
              label="Stop trusting this browser"
              describedBy={`trusted-${device.id}`}
              fields={{ deviceId: device.id }}
            />
          ),
        }))}
      />
    </Card>
  );
}
