import type { Metadata } from 'next';
import { asksPassword } from '@/app/_forms/current-password';
import { sayPhoneHint } from '@/app/_format/phone-words';
import { SiteNav } from '@/app/site-nav';
import { ActionForm } from '@/components/forms/ActionForm';
import { Badge } from '@/components/ui/Badge';
import { Card } from '@/components/ui/Card';
import { ChangeNumberForm } from '@/components/forms/settings/ChangeNumberForm';
import { ConfirmWithPasswordForm } from '@/components/forms/settings/ConfirmWithPasswordForm';
import { Disclosure } from '@/components/ui/Disclosure';
import { EventList } from '@/components/ui/lists/EventList';
import { Heading, HeadingGroup, Lead, Stack, Text } from '@/components/ui/Heading';
import { LinkButton } from '@/components/ui/LinkButton';
import { Notice } from '@/components/ui/Notice';
import { NumberForm } from '@/components/forms/settings/NumberForm';
import { stopsCodes } from '@/lib/sms/numbers/opted-out';
import { Page } from '@/components/ui/Page';
import { PhoneState } from '@/components/sms/PhoneState';
import { QuietHoursForm } from '@/components/forms/settings/QuietHoursForm';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { Sections } from '@/components/ui/Sections';
import { TextLink } from '@/components/ui/TextLink';
import { TextsForm } from '@/components/forms/settings/TextsForm';
import { TimeZoneList } from '@/components/inputs/TimeZoneList';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { requireUser } from '@/lib/auth/sign-in/session';
import { currentWording } from '@/lib/consent/current-wording';
import { env } from '@/lib/env';
import { formatPhone, maskPhone } from '@/lib/phone/parse';
import { readPreferencesPage } from '@/lib/sms/preferences/preferences-page';
import { listTimeZones, nameZone } from '@/lib/time-zones';
import {
  addPhoneAction,
  changePhoneAction,
  keepNumberAction,
  removePhoneAction,
  verifyPhoneAction,
} from './phone-actions';
import { DoubtNotice } from './doubt-notice';
import { findHeldUntil, sayPreview } from './preview-words';
import { saveQuietHoursAction } from './quiet-hours-actions';
import { describeReceipt, describeTestText, describeText } from './record-words';
import { StoppedNotice } from './stopped-notice';
import { saveTextsAction, sendTestTextAction } from './texts-actions';

export const metadata: Metadata = { title: 'Text preferences' };

const here = '/users/sms-preferences';
const shownTexts = 3;

const sections = [
  { id: 'phone', label: 'Phone' },
  { id: 'texts', label: 'Text updates' },
  { id: 'quiet-hours', label: 'Quiet hours' },
  { id: 'record', label: 'My record' },
] as const;

const savedWords: ReadonlyMap<string, string> = new Map([
  ['phone-removed', 'Your number was removed. We will not text it anymore.'],
  ['number-kept', 'You kept your number. The new one was discarded.'],
]);

export default async function SmsPreferencesPage({
  searchParams,
}: {
  searchParams: Promise<{ saved?: string | string[] }>;
}) {
  const user = await requireUser(here);
  const { saved } = await searchParams;
  const now = databaseNow();
  const { phone, change, texts, hours, hoursVersion, recent, lastTest, agreement, starts } =
    await readPreferencesPage(db(), user, now);
  const clock = { timeZone: hours.timeZone, now };
  const savedNow = typeof saved === 'string' ? savedWords.get(saved) : undefined;
  const number = user.phone === null ? '' : formatPhone(user.phone);
  const masked = user.phone === null ? '' : maskPhone(user.phone);
  const { switches } = texts;
  const textsOn = switches.enabled && texts.consent !== 'none' && !texts.stopped;

  return (
    <Page wide nav={<SiteNav page="/users/sms-preferences" />}>
      <HeadingGroup>
        <Heading>Text preferences</Heading>
        <Lead>Which texts you get, when, and at what number. Each part is saved by itself.</Lead>
      </HeadingGroup>
      {savedNow ? <SavedAlert title={savedNow} /> : null}

      <Sections links={sections}>
        <Card>
          <Heading level={2} id="phone">
            Phone
          </Heading>
          <PhoneState state={phone.state} phone={user.phone && number}>
            {phone.doubt ? <Badge tone="warning">Verify again</Badge> : null}
          </PhoneState>
          {phone.stopped && user.phone !== null ? (
            <StoppedNotice phone={user.phone} stopped={phone.stopped} starts={starts} />
          ) : null}
          {phone.doubt && !stopsCodes(phone.stopped) ? <DoubtNotice doubt={phone.doubt} /> : null}
          {phone.state === 'moved' ? (
            <Notice tone="warning" title="Someone else has verified this number">
              <p>
                We no longer text it for you, and your agreement for it has ended. If it is still yours,
                verify it again. If not, change it.
              </p>
            </Notice>
          ) : null}
          {change ? (
            <Stack gap="small">
              <Notice title={`${formatPhone(change.phone)} is waiting for its code`}>
                <p>
                  {number} stays your number until you enter the code we texted to the new one.{' '}
                  <TextLink href="/users/verify-phone">
                    {change.open ? 'Enter the code' : 'Send a new code'}
                  </TextLink>
                </p>
              </Notice>
              <ActionForm action={keepNumberAction} label={`Keep ${number}`} />
            </Stack>
          ) : null}
          {user.phone === null ? (
            <NumberForm
              action={addPhoneAction}
              wording={currentWording()}
              phoneHint={sayPhoneHint()}
              idPrefix="first-"
              offersUpdates
            />
          ) : (
            <div>
              {(phone.state === 'verified' && phone.doubt === null) || stopsCodes(phone.stopped) ? null : (
                <ActionForm
                  action={verifyPhoneAction}
                  label={phone.doubt ? 'Verify this number again' : 'Verify this number'}
                  variant="primary"
                />
              )}
              <ChangeNumberForm
                action={changePhoneAction}
                asksPassword={asksPassword(user)}
                wording={currentWording()}
                phoneHint={sayPhoneHint()}
                shownPhone={masked}
                note={
                  phone.state === 'verified'
                    ? 'Your current number keeps working until you enter the code that we text to the new one. We then send the old number a notice.'
                    : 'We will text a code to the new number.'
                }
              />
              <ConfirmWithPasswordForm
                action={removePhoneAction}
                asksPassword={asksPassword(user)}
                about={{ name: 'shownPhone', value: masked }}
                idPrefix="remove-"
                summary="Remove my number"
                submitLabel="Remove this number"
                note="We stop texting it, cancel texts that are waiting, and end your agreement for it."
              />
            </div>
          )}
        </Card>

        <Card>
          <Heading level={2} id="texts">
            Text updates
          </Heading>
          {switches.enabled && texts.consent === 'none' && !texts.stopped && user.phone !== null ? (
            <Notice tone="warning" title="Text updates are on, but your agreement has ended">
              <p>So we do not send any. Agree again below, or turn them off.</p>
            </Notice>
          ) : null}
          {textsOn && phone.state !== 'verified' ? (
            <Notice title="Text updates start once your number is verified" />
          ) : null}
          {textsOn && phone.doubt ? (
            <Notice title="Text updates go on once your number is verified again" />
          ) : null}
          {user.phone === null ? (
            <Text quiet>Add a phone number first. Then you can choose here what we text you about.</Text>
          ) : (
            <TextsForm
              action={saveTextsAction}
              switches={{
                smsEnabled: switches.enabled,
                applicationStatus: switches.applicationStatus,
                reminders: switches.reminders,
                security: switches.security,
              }}
              version={texts.version}
              offersApplications={env().nextStep === null}
              offersOff={switches.enabled && texts.consent !== 'none'}
              isStopped={texts.stopped}
              wording={!texts.stopped && texts.consent !== 'standing' ? currentWording() : null}
            />
          )}
          {textsOn && phone.state === 'verified' ? (
            <Stack gap="small">
              <ActionForm
                action={sendTestTextAction}
                label="Send me a test text"
                note={`To ${number}. Quiet hours apply.`}
              />
              <div role="status">
                {lastTest ? (
                  <Text quiet>
                    {describeTestText(lastTest, {
                      clock,
                      now,
                      heldUntil: await findHeldUntil(hours, user.phone, now),
                    })}
                  </Text>
                ) : null}
              </div>
            </Stack>
          ) : null}
        </Card>

        <Card>
          <Heading level={2} id="quiet-hours">
            Quiet hours
          </Heading>
          <QuietHoursForm
            action={saveQuietHoursAction}
            saved={{
              quietHoursEnabled: hours.quietHoursEnabled,
              quietHoursStart: hours.quietHoursStart,
              quietHoursEnd: hours.quietHoursEnd,
              timeZone: hours.timeZone ?? '',
            }}
            zoneName={hours.timeZone === null ? '' : nameZone(hours.timeZone)}
            version={hoursVersion}
            preview={await sayPreview(hours, user.phone, now)}
            previewUrl={`${here}/preview`}
            goesByNumber={user.phone !== null}
            zonesId="time-zones"
          />
          <TimeZoneList id="time-zones" clocks={listTimeZones(now)} />
          <Disclosure summary="Which texts come through anyway?">
            <Stack gap="small">
              <Text quiet>
                Codes you have just asked for, because you are waiting for them and they expire within
                minutes.
              </Text>
              <Text quiet>Replies to STOP, START and HELP, because you have just texted us.</Text>
              <Text quiet>Everything else waits.</Text>
            </Stack>
          </Disclosure>
        </Card>

        <Card>
          <HeadingGroup>
            <Heading level={2} id="record">
              My record
            </Heading>
            <Text quiet>Every text we have sent you and everything you have agreed to, word for word.</Text>
          </HeadingGroup>
          <EventList
            items={recent.slice(0, shownTexts).map((text) => describeText(text, clock))}
            empty="We have not sent you any texts yet."
          />
          {agreement ? (
            <Stack gap="small">
              <Heading level={3}>Latest agreement</Heading>
              <EventList items={[{ ...describeReceipt(agreement, clock), details: [] }]} empty="None yet." />
            </Stack>
          ) : null}
          <Stack gap="small">
            <LinkButton href={`${here}/record`} wide>
              View, print or download everything
            </LinkButton>
          </Stack>
        </Card>
      </Sections>
    </Page>
  );
}
