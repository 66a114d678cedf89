import { sayDoubt } from '@/app/_format/phone-words';
import { ActionForm } from '@/components/forms/ActionForm';
import { VerifyPhoneForm } from '@/components/forms/settings/VerifyPhoneForm';
import type { PhoneStateValue } from '@/components/sms/PhoneState';
import { stopsCodes } from '@/lib/sms/numbers/opted-out';
import type { PhoneStatus } from '@/lib/sms/numbers/phone-state';
import { LinkButton } from '@/components/ui/LinkButton';
import type { Task } from '@/components/ui/lists/TaskList';
import { sendProofAction, startVerificationAction } from './actions';

/**
 * What of an account is still open: the email, the phone, a passkey. In: the email that is not confirmed yet (null: it is, or no
 * mail is sent), how far the phone is proven and whether it opted out, whether a reset of these days took any number off (`wasProvenByReset`), and whether a
 * passkey is missing that nothing else on the page offers.
 */
export function listOpenTasks({
  email,
  phone,
  isAfterReset,
  lacksPasskey,
}: {
  email: string | null;
  phone: PhoneStatus;
  isAfterReset: boolean;
  lacksPasskey: boolean;
}): Task[] {
  const tasks: Task[] = [];
  const noCodes = stopsCodes(phone.stopped);
  if (email !== null) {
    tasks.push({
      id: 'email',
      title: 'Confirm your email',
      words: `Open the link in our email to ${email} to show that the address is yours.`,
      action: <ActionForm action={sendProofAction} label="Send the link again" />,
    });
  }
  if (phone.state === 'verified' && phone.doubt !== null && !noCodes) {
    tasks.push({
      id: 'phone',
      title: 'Verify your phone again',
      words: `${sayDoubt(phone.doubt)} We send no updates there until you verify it again.`,
      action: <VerifyPhoneForm action={startVerificationAction} />,
    });
  }
  if (phone.state !== 'verified') {
    tasks.push({
      id: 'phone',
      ...(noCodes && phone.state !== 'moved'
        ? afterStop
        : phone.state === 'none' && isAfterReset
          ? afterReset
          : phoneTasks[phone.state]),
      action:
        noCodes || phone.state === 'none' ? (
          <LinkButton href="/users/sms-preferences#phone">
            {noCodes ? 'See how to get texts again' : 'Add my phone'}
          </LinkButton>
        ) : (
          <VerifyPhoneForm action={startVerificationAction} />
        ),
    });
  }
  if (lacksPasskey) {
    tasks.push({
      id: 'passkey',
      title: 'Set up a passkey',
      words: 'Sign in with your fingerprint, face or screen lock. No password and no text.',
      action: <LinkButton href="/users/security/two-factor">Go to passkeys</LinkButton>,
    });
  }
  return tasks;
}

const afterStop = {
  title: 'Verify your phone',
  words: 'Your number replied STOP, so no code can be sent there.',
};

const afterReset = {
  title: 'Add your phone',
  words:
    'Your password was reset before your email was confirmed. To protect you, that took off any phone number that was on the account, and text updates with it. Add your number and verify it to get texts.',
};

const phoneTasks: Record<Exclude<PhoneStateValue, 'verified'>, { title: string; words: string }> = {
  none: {
    title: 'Add your phone',
    words: 'With a verified phone we can text you when something changes, and you can prove that it is you.',
  },
  unverified: {
    title: 'Verify your phone',
    words: 'We text a six-digit code to your number. Until it is verified, you won’t get updates there.',
  },
  moved: {
    title: 'Verify your phone again',
    words:
      'Someone else verified this number, so we stopped texting it for you. If it is still yours, verify it again.',
  },
};
