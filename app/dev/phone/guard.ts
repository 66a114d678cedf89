import { headers } from 'next/headers';
import { notFound } from 'next/navigation';
import { env } from '@/lib/env';
import { isDevPhoneOpen } from '@/lib/sms/inbound/dev-phone';

/** 404 wherever the development phone does not exist; the first line of its page and of each of its actions. */
export async function requireDevPhone(): Promise<void> {
  if (!isDevPhoneOpen(env(), await headers())) notFound();
}
