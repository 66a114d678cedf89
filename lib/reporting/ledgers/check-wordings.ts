import { sql } from 'drizzle-orm';
import type { Db } from '@/db/client';
import { writeVersion } from '@/lib/consent/wording';
import { look, mostExamples, type Finds } from './look';

/** So many rows of the ledger of consent are a statement. */
const pageRows = 1_000;

type SaidText = {
  version: string;
  wording: string;
  sender: string;
  legal_sender: string | null;
  times: number;
  ids: string[];
};

/**
 * Compares the text of each consent with what its version says under the names that the row has: in the order of writing, some rows
 * at a time, each text once a page.
 */
export async function* checkWordings(db: Db): Finds {
  for (let after: string | null = '0'; after !== null;) {
    const ends: { id: string }[] = await look(
      db,
      sql`select c.id::text as id from sms_consents c where c.id > ${after}::bigint order by c.id offset ${pageRows} limit 1`,
    );
    const upTo: string | null = ends[0]?.id ?? null;
    const said = await look<SaidText>(
      db,
      sql`select wording_version as version, wording, sender, legal_sender, count(*)::int as times,
          (array_agg(id::text order by id))[1:${mostExamples}::int] as ids
        from sms_consents
        where id > ${after}::bigint ${upTo === null ? sql`` : sql`and id <= ${upTo}::bigint`} and action <> 'withdrawn'
        group by wording_version, wording, sender, legal_sender`,
    );
    yield said
      .filter((row) => row.wording !== writeVersion(row.version, row.sender, row.legal_sender))
      .map(({ times, ids }) => ({ kind: 'wording_differs', count: times, examples: ids }));
    after = upTo;
  }
}
