import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { migrateDatabase } from '@/db/migrate';
import { startThrowawayDatabase } from '../scripts/postgres/throwaway';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The database that is cloned for each test file; nothing may stay connected to it. */
    templateDatabaseUrl: string;
  }
}

/**
 * Starts one throw-away PostgreSQL for all test files (or uses the server of TEST_DATABASE_URL, whose user must be
 * allowed to create databases) and migrates a template once.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.TEST_DATABASE_URL;
  const server = given ? null : await startThrowawayDatabase();
  const serverUrl = given ?? server?.url ?? '';
  const name = `doorstep_template_${process.pid}_${Date.now()}`;
  const template = new URL(serverUrl);
  template.pathname = `/${name}`;
  try {
    await runOnServer(serverUrl, `create database ${name}`);
    await migrateDatabase(template.href);
  } catch (error) {
    await server?.stop();
    throw error;
  }
  project.provide('templateDatabaseUrl', template.href);
  return async () => {
    if (server) await server.stop();
    else await runOnServer(serverUrl, `drop database if exists ${name} with (force)`);
  };
}

async function runOnServer(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
