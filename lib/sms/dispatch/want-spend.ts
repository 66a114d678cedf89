import { capsOf, type WantedSpend } from '@/lib/sms/capacity/budget';
import { priceOf } from '@/lib/sms/capacity/price';
import type { Env } from '@/lib/env';
import { countSegments } from '@/lib/sms/outbox/segments';
import { isEverydayNotice } from '@/lib/sms/preferences/security-notice';
import type { PolicyFacts } from './send-policy-facts';

/** What a text with this body costs, and the caps that it has to fit. The send policy knows its account by then. */
export function wantSpend(
  { message, emailKey, emailProven }: PolicyFacts,
  body: string,
  env: Env,
): WantedSpend {
  const segments = countSegments(body);
  const priceMicros = segments * priceOf(env, message.phone);
  const budget = { perUserMicros: env.smsDailyBudgetPerUserMicros, totalMicros: env.smsDailyBudgetMicros };
  const payer = {
    ...message,
    isEveryday: isEverydayNotice(message),
    userId: message.userId!,
    emailKey: emailKey!,
    emailProven,
    priceMicros,
  };
  return { messageId: message.id, priceMicros, segments, caps: capsOf(payer, budget, env.authSecrets) };
}
