import type { Client } from 'pg';
import { emailKey } from './email';

/**
 * Gives accounts and links that were stored by the letters of an internationalized domain the key that both of its spellings
 * have. Where another account has that one, its own stays (`isKeyOf`), so no two accounts become one. A row that someone holds is
 * left for the next time. What SQL cannot say is done here, after each migration; there is nothing to do but once.
 */
export async function spellEmailKeys(client: Client): Promise<void> {
  for (const table of ['users', 'email_links']) {
    const { rows } = await client.query<{ id: string; key: string }>(
      `select id, email_key as key from ${table} where octet_length(email_key) <> length(email_key)`,
    );
    for (const { id, key } of rows) {
      const spelled = emailKey(key);
      if (spelled === key) continue;
      await client.query(
        `update ${table} set email_key = $1
         where id = (select id from ${table} where id = $2 and email_key = $3 for update skip locked)
           ${table === 'users' ? 'and not exists (select from users where email_key = $1)' : ''}`,
        [spelled, id, key],
      );
    }
  }
}
