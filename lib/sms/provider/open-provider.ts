import type { Env } from '@/lib/env';
import { openConsole } from './console';
import type { Provider } from './provider';

/** Opens the provider that the configuration names; Twilio's SDK is loaded only when it is that one. */
export async function openProvider(env: Env): Promise<Provider> {
  if (env.twilio === null) return openConsole();
  const { openTwilio } = await import('./twilio');
  return openTwilio({ ...env.twilio, appUrl: env.appUrl, isPublic: env.isPublic });
}
