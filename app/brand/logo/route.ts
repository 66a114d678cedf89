import { connection } from 'next/server';
import { servePicture } from '@/app/brand/serve-picture';
import { env } from '@/lib/env';

/** The operator's logo; 404 where there is none. */
export async function GET(): Promise<Response> {
  await connection();
  const { siteLogo } = env();
  if (siteLogo === null) return new Response(null, { status: 404 });
  return servePicture(Buffer.from(siteLogo.bytes), siteLogo.type);
}
