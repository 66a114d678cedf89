import { inTurn, migrateDatabase, readSchemaState, withClient } from '@/db/migrate';
import { admitRunningRole } from '@/db/running-role';
import { spellEmailKeys } from '@/lib/accounts/spell-email-keys';
import { oneLine, StartProblem } from './start-problem';

/** Where a database is: for the role that serves, and for the one that owns the tables where that is another. */
export type DatabaseUrls = { url: string; ownerUrl: string | null };

/**
 * Who may bring the schema up to date: the role that owns it apart from the one that serves, one role for both, or
 * nobody here; then the schema is current.
 */
export type Migrator = 'owner' | 'same_role' | 'nobody';

/**
 * Looks at the database before anything is done to it. Throws a StartProblem of one line when it is down or too old, or
 * when migrations are missing that this role may not apply.
 */
export async function findMigrator({ url, ownerUrl }: DatabaseUrls): Promise<Migrator> {
  return explaining('The database cannot be read', async () => {
    const { missing, mayMigrate } = await readSchemaState(ownerUrl ?? url);
    if (mayMigrate) return ownerUrl === null ? 'same_role' : 'owner';
    if (ownerUrl !== null) {
      throw new StartProblem(
        'The role of DATABASE_OWNER_URL does not own the tables: give the one that does.',
      );
    }
    if (missing > 0) {
      throw new StartProblem(
        `The database lacks ${missing} ${missing === 1 ? 'migration' : 'migrations'} of this release, and the role of DATABASE_URL does not own the tables: run npm run migrate with DATABASE_OWNER_URL first.`,
      );
    }
    return 'nobody';
  });
}

/** Brings the schema up to date by the role that may; a problem becomes a StartProblem of one line. */
export async function migrateAs(
  migrator: Migrator,
  { url, ownerUrl }: DatabaseUrls,
  say: (line: string) => void,
): Promise<void> {
  if (migrator === 'nobody') return;
  await explaining('The migration failed', async () => {
    await migrateDatabase(ownerUrl ?? url, { say });
    await withClient(ownerUrl ?? url, (client) => inTurn(client, say, () => spellEmailKeys(client)));
    if (ownerUrl === null) return;
    const { name, mayAlter } = await admitRunningRole(ownerUrl, url, say);
    if (!mayAlter) return;
    say(
      `The role ${name} of DATABASE_URL can change tables all the same: it is a superuser, or owns the schema or what is in it.`,
    );
  });
}

/** Both, one after the other. */
export async function prepareDatabase(urls: DatabaseUrls, say: (line: string) => void): Promise<Migrator> {
  const migrator = await findMigrator(urls);
  await migrateAs(migrator, urls, say);
  return migrator;
}

async function explaining<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof StartProblem) throw error;
    const message = oneLine(error);
    const isPlain = /^(The database at|DATABASE_URL and)/.test(message);
    throw new StartProblem(isPlain ? message : `${what}: ${explain(error)}`);
  }
}

function explain(error: unknown): string {
  // drizzle wraps what PostgreSQL said.
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? `${oneLine(cause)} (${oneLine(error)})` : oneLine(error);
}
