'use client';

import { useEffect, useRef, useState } from 'react';
import { Button } from '@/components/ui/Button';
import { Checkbox } from '@/components/inputs/Checkbox';
import { Form } from '@/components/forms/Form';
import type { FormAction } from '@/components/forms/form-state';
import { FormAlert } from '@/components/forms/FormAlert';
import { Notice } from '@/components/ui/Notice';
import styles from './QuietHoursForm.module.css';
import { sameClock } from '@/components/ui/time/same-clock';
import { TextInput } from '@/components/inputs/TextInput';
import { useHydrated } from '@/components/ui/use-hydrated';
import { cityOf } from '@/lib/zone-city';
import { useFormAction } from '@/components/forms/use-form-action';

export type QuietHoursField =
  'quietHoursEnabled' | 'quietHoursStart' | 'quietHoursEnd' | 'timeZone' | 'version' | 'preview';

export type QuietHoursValues = {
  quietHoursEnabled: boolean;
  quietHoursStart: string;
  quietHoursEnd: string;
  timeZone: string;
};

/** What the preview route answers. */
export type QuietHoursPreview = { words: string };

const fieldOrder = ['quietHoursEnabled', 'quietHoursStart', 'quietHoursEnd', 'timeZone'] as const;
const pauseMs = 250;

/**
 * Quiet hours and what they do in words, worked out by the server: as they are changed, or, without JavaScript, by a
 * button. `zoneName` is what a person calls the saved zone; `zonesId` names the page's `datalist` of time zones; `goesByNumber`: where none is chosen, the person's number says it.
 */
export function QuietHoursForm({
  action,
  saved,
  zoneName,
  version,
  preview,
  previewUrl,
  goesByNumber,
  zonesId,
}: {
  action: FormAction<QuietHoursField>;
  saved: QuietHoursValues;
  zoneName: string;
  version: number;
  preview: string;
  previewUrl: string;
  goesByNumber: boolean;
  zonesId: string;
}) {
  const [state, formAction, pending] = useFormAction(action);
  const [live, setLive] = useState<{ since: typeof state; words: string } | null>(null);
  const [zone, setZone] = useState(saved.timeZone);
  const hydrated = useHydrated();
  const form = useRef<HTMLFormElement>(null);
  const asking = useRef<{ timer?: ReturnType<typeof setTimeout>; abort?: AbortController }>({});
  const typed = state.values.version !== undefined;
  const browserZone = hydrated ? Intl.DateTimeFormat().resolvedOptions().timeZone : null;

  function ask() {
    const field = form.current?.elements.namedItem('timeZone');
    if (field instanceof HTMLInputElement) setZone(field.value);
    clearTimeout(asking.current.timer);
    asking.current.abort?.abort();
    asking.current.timer = setTimeout(async () => {
      if (!form.current) return;
      const abort = new AbortController();
      asking.current.abort = abort;
      const query = new URLSearchParams();
      for (const [name, value] of new FormData(form.current)) {
        if (typeof value === 'string' && !name.startsWith('$')) query.set(name, value);
      }
      try {
        const response = await fetch(`${previewUrl}?${query}`, { signal: abort.signal });
        if (!response.ok) return;
        const { words } = (await response.json()) as QuietHoursPreview;
        setLive({ since: state, words });
      } catch {
        // The example stays as it was; saving says what is wrong.
      }
    }, pauseMs);
  }

  useEffect(() => {
    const { current } = asking;
    return () => {
      clearTimeout(current.timer);
      current.abort?.abort();
    };
  }, []);

  return (
    <Form ref={form} action={formAction} pending={pending} onChange={ask}>
      <FormAlert state={state} fields={fieldOrder} />
      <input type="hidden" name="version" value={state.values.version ?? version} />
      <Checkbox
        name="quietHoursEnabled"
        label="Keep quiet hours"
        hint="Texts wait until your quiet hours are over."
        defaultChecked={typed ? state.values.quietHoursEnabled === 'on' : saved.quietHoursEnabled}
      />
      <div className={styles.fields}>
        <TextInput
          name="quietHoursStart"
          label="From"
          type="time"
          required
          defaultValue={state.values.quietHoursStart ?? saved.quietHoursStart}
          error={state.fieldErrors.quietHoursStart}
        />
        <TextInput
          name="quietHoursEnd"
          label="To"
          type="time"
          required
          defaultValue={state.values.quietHoursEnd ?? saved.quietHoursEnd}
          error={state.fieldErrors.quietHoursEnd}
        />
        <div className={styles.zone}>
          <TextInput
            name="timeZone"
            label="Time zone"
            optional
            hint={`Type a city or pick one from the list.${goesByNumber ? ' If left empty, we go by your number.' : ''}`}
            list={zonesId}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={64}
            defaultValue={state.values.timeZone ?? zoneName}
            error={state.fieldErrors.timeZone}
          />
          {browserZone !== null &&
          !sameClock(browserZone, zone) &&
          zone.trim() !== findListedName(browserZone, zonesId) &&
          !sameClock(browserZone, saved.timeZone) ? (
            <Button
              type="button"
              variant="quiet"
              onClick={() => {
                const field = form.current?.elements.namedItem('timeZone');
                if (!(field instanceof HTMLInputElement)) return;
                field.value = findListedName(browserZone, zonesId) ?? browserZone;
                ask();
              }}
            >
              Use this device’s time zone: {cityOf(browserZone)}
            </Button>
          ) : null}
        </div>
      </div>
      <div role="status">
        <Notice tone="neutral">
          <p>
            {live !== null && (live.since === state || state.tone === 'error')
              ? live.words
              : (state.values.preview ?? preview)}
          </p>
        </Notice>
      </div>
      <div className={styles.buttons}>
        <Button wide pending={pending}>
          Save quiet hours
        </Button>
        {hydrated ? null : (
          <Button variant="secondary" wide name="intent" value="preview">
            Preview
          </Button>
        )}
      </div>
    </Form>
  );
}

/** The city of a zone, where the list of zones calls it so; null: it has another name there. */
function findListedName(zone: string, zonesId: string): string | null {
  const city = cityOf(zone);
  const option = document.getElementById(zonesId)?.querySelector(`option[value="${CSS.escape(city)}"]`);
  return option ? city : null;
}
