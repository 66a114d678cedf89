import { env, type Env } from '@/lib/env';

/** Does something while settings of this process are changed, and puts them back. */
export async function withSettings<T>(changed: Partial<Env>, work: () => T | Promise<T>): Promise<T> {
  const before = { ...env() };
  Object.assign(env(), changed);
  try {
    return await work();
  } finally {
    Object.assign(env(), before);
  }
}

/** Settings under which this is the name of the site, and this the legal person who runs it. */
export function named(siteName: string, operator: string | null): Partial<Env> {
  return { siteName, operator: { name: operator, contact: 'help@example.com' } };
}
