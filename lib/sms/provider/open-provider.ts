import type { SenderRole } from '@/db/schema/consent';
import type { Env } from '@/lib/env';
import { openConsole } from './console';
import type { Provider } from './provider';

/**
 * Opens the provider that the configuration names, to send from one of our senders; Twilio's SDK is loaded only when it is that one.
 */
export async function openProvider(env: Env, role: SenderRole = 'updates'): Promise<Provider> {
  if (env.twilio === null) return openConsole();
  const { codesSender, ...settings } = env.twilio;
  const { openTwilio } = await import('./twilio');
  const sender = (role === 'codes' ? codesSender : null) ?? settings.sender;
  return openTwilio({ ...settings, sender, appUrl: env.appUrl, isPublic: env.isPublic });
}
