'use client';

import type { Wording } from '@/lib/consent/wording';
import { Button } from '@/components/ui/Button';
import { Checkbox } from '@/components/inputs/Checkbox';
import { ConsentCheckbox } from '@/components/inputs/ConsentCheckbox';
import { FieldGroup } from '@/components/inputs/Field';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import styles from '@/components/forms/SideForm.module.css';
import { useFormAction } from '@/components/forms/use-form-action';

export type TextsField =
  'smsEnabled' | 'applicationStatus' | 'reminders' | 'security' | 'tcpaConsent' | 'version';

export type TextsSwitches = Record<'smsEnabled' | 'applicationStatus' | 'reminders' | 'security', boolean>;

const fieldOrder = ['smsEnabled', 'applicationStatus', 'reminders', 'security', 'tcpaConsent'] as const;

const applicationKinds = ['applicationStatus', 'reminders'] as const;

/**
 * The switch for all texts, one for each kind, and, with `offersOff`, a button that turns everything off whatever is
 * above it. Without `offersApplications` the kinds that are about applications stay as they are. `isStopped`: nothing goes out, whatever is ticked. `wording` is given where turning texts on takes consent. `version` tells the action what this page showed.
 */
export function TextsForm({
  action,
  switches,
  version,
  offersOff,
  offersApplications,
  isStopped,
  wording,
}: {
  action: FormAction<TextsField>;
  switches: TextsSwitches;
  version: number;
  offersOff: boolean;
  offersApplications: boolean;
  isStopped: boolean;
  wording: Wording | null;
}) {
  const [state, formAction, pending] = useFormAction(action);
  const typed = state.values.version !== undefined;
  const goesOut = switches.smsEnabled && !isStopped && wording === null;
  const isOn = (field: keyof TextsSwitches) => (typed ? state.values[field] === 'on' : switches[field]);
  return (
    <Form action={formAction} pending={pending}>
      <FormAlert state={state} fields={fieldOrder} />
      <input type="hidden" name="version" value={state.values.version ?? version} />
      <div>
        <Checkbox
          name="smsEnabled"
          label="Send me text updates"
          hint={isStopped ? 'On hold while texts are stopped.' : 'Turns all updates on or off.'}
          defaultChecked={isOn('smsEnabled')}
          error={state.fieldErrors.smsEnabled}
        />
        {wording ? (
          <ConsentCheckbox
            name="tcpaConsent"
            wording={wording}
            defaultChecked={state.values.tcpaConsent === 'on'}
            error={state.fieldErrors.tcpaConsent}
          />
        ) : null}
      </div>
      <FieldGroup legend={goesOut ? 'Text me about' : 'When updates are on, text me about'}>
        <div>
          {offersApplications ? (
            <>
              <Checkbox
                name="applicationStatus"
                label="Application status"
                hint="When something changes in your application."
                defaultChecked={isOn('applicationStatus')}
              />
              <Checkbox
                name="reminders"
                label="Reminders"
                hint="When something is due soon or needs your input."
                defaultChecked={isOn('reminders')}
              />
            </>
          ) : (
            applicationKinds.map((kind) => (
              <input key={kind} type="hidden" name={kind} value={isOn(kind) ? 'on' : ''} />
            ))
          )}
          <Checkbox
            name="security"
            label="Security"
            hint="When your password changes, for example."
            defaultChecked={isOn('security')}
          />
        </div>
      </FieldGroup>
      <Button wide pending={pending}>
        Save text updates
      </Button>
      {offersOff ? (
        <div className={styles.row}>
          <Button variant="secondary" name="intent" value="off" pending={pending}>
            Turn all texts off
          </Button>
          <p className={styles.note}>Right away, in one tap.</p>
        </div>
      ) : null}
    </Form>
  );
}
