import { randomUUID } from 'node:crypto';
import { drizzle } from 'drizzle-orm/node-postgres';
import { grantConsent } from '@/lib/consent/ledger';
import { database, readRows } from './database';
import { newNumber } from './people';
import { readRun } from './run';
import { makePerson, type MadePerson } from './staff';
import { authSecret } from './start-app';

/** An applicant whose phone is verified, who agreed to texts, and for whom it is never quiet time. */
export async function makeTexted(name?: string): Promise<MadePerson & { phone: string }> {
  const person = await makePerson('applicant', { name });
  const phone = newNumber();
  await readRows('update users set phone = $2 where id = $1', [person.id, phone]);
  await readRows('insert into phone_numbers (number, holder_user_id, held_since) values ($1, $2, now())', [
    phone,
    person.id,
  ]);
  await readRows(
    'update sms_preferences set enabled = true, quiet_hours_enabled = false where user_id = $1',
    [person.id],
  );
  // The consent is to the wording of the running app.
  Object.assign(process.env, {
    AUTH_SECRET: authSecret,
    DATABASE_URL: readRun().databaseUrl,
    OPERATOR_NAME: 'Example Housing, Inc.',
    OPERATOR_CONTACT: 'help@example.com',
  });
  const context = { now: new Date(), address: '10.0.0.1', userAgent: 'test' };
  await drizzle(database()).transaction((tx) =>
    grantConsent(tx, { userId: person.id, phone, scopes: ['updates'], medium: 'registration' }, context),
  );
  return { ...person, phone };
}

/** An application that was handed in. Out: its id. */
export async function giveApplication({
  of,
  to = null,
  title,
  status = 'submitted',
}: {
  of: { id: string } | null;
  /** Who sees to it. */
  to?: { id: string } | null;
  title: string;
  status?: string;
}): Promise<string> {
  const id = randomUUID();
  await readRows(
    `insert into applications (id, applicant_id, applicant_name, title, message, status, assignee_id, created_at, moved_at)
     values ($1, $2, $3, $4, 'We are three people.', $5, $6, now(), now())`,
    [id, of?.id ?? null, of === null ? 'Pat Paper' : null, title, status, to?.id ?? null],
  );
  await readRows(
    `insert into application_events (application_id, at, kind, from_status, to_status, actor_id, actor_role, shows_at)
     values ($1, now(), 'moved', 'draft', $2, $3, 'applicant', now())`,
    [id, status, of?.id ?? null],
  );
  return id;
}
