import type { Metadata } from 'next';
import { databaseNow } from '@/db/clock';
import { env } from '@/lib/env';
import { DevPhone } from '@/components/sms/DevPhone';
import { answerAction, reportAction } from './actions';
import { requireDevPhone } from './guard';
import { readNumberParam, readDevPhoneState } from './read-dev-phone-state';

export const metadata: Metadata = { title: 'Development phone' };

/** A handset for every number that the console backend has texted. */
export default async function DevPhonePage({
  searchParams,
}: {
  searchParams: Promise<Record<string, string | string[] | undefined>>;
}) {
  await requireDevPhone();
  const phone = readNumberParam((await searchParams).number);
  const state = await readDevPhoneState(phone, databaseNow());
  const textsUrl = phone === null ? '/dev/phone/texts' : `/dev/phone/texts?number=${phone.slice(1)}`;
  return (
    <DevPhone
      initial={state}
      textsUrl={textsUrl}
      timeZone={env().reportTimeZone}
      answer={answerAction}
      report={reportAction}
    />
  );
}
