import { sql, type SQL } from 'drizzle-orm';
import type { ExportKind } from '@/db/schema/reports';
import { exactInstant } from '@/lib/reporting/keyset';

/** What an export of a kind reads: a table in the order of one of its indexes, and what of it becomes the columns of the file. */
type KindOfRows = {
  table: SQL;
  /** What it is ordered by, and what tells rows of the same moment apart; of `source`, as the columns of the file may have the same names. */
  at: SQL;
  id: SQL;
  idType: 'uuid' | 'number';
  /** The columns of the file in their order. */
  columns: Record<string, SQL>;
  /** The columns that hold phone numbers … */
  phones: readonly string[];
  /** … and those that may have some in their words. */
  words?: readonly string[];
};

const moment = (name: SQL) => sql`case when isfinite(${name}) then ${exactInstant(name)} end`;

/** What can be exported. Codes are nowhere in it, for they are nowhere in the database. */
export const exportKinds: Record<ExportKind, KindOfRows> = {
  messages: {
    table: sql`sms_messages`,
    at: sql`source.created_at`,
    id: sql`source.id`,
    idType: 'uuid',
    columns: {
      id: sql`id::text`,
      created_at: moment(sql`created_at`),
      direction: sql`direction`,
      purpose: sql`purpose`,
      template: sql`template`,
      user_id: sql`user_id::text`,
      phone: sql`phone`,
      status: sql`status`,
      provider_status: sql`provider_status`,
      error_code: sql`error_code::text`,
      reason: sql`reason`,
      sender: sql`sender`,
      provider_sid: sql`provider_sid`,
      segments: sql`segments::text`,
      price_usd: sql`price::text`,
      price_is_settled: sql`(price_settled_at is not null)::text`,
      sent_at: moment(sql`sent_at`),
      delivered_at: moment(sql`delivered_at`),
      failed_at: moment(sql`failed_at`),
    },
    phones: ['phone'],
  },
  attempts: {
    table: sql`sms_verification_log`,
    at: sql`source.at`,
    id: sql`source.id`,
    idType: 'number',
    columns: {
      id: sql`id::text`,
      at: moment(sql`at`),
      event: sql`event`,
      reason: sql`reason`,
      user_id: sql`user_id::text`,
      phone: sql`phone`,
      address: sql`address`,
      times: sql`times::text`,
      last_at: moment(sql`last_at`),
    },
    phones: ['phone'],
  },
  consents: {
    table: sql`sms_consents`,
    at: sql`source.at`,
    id: sql`source.id`,
    idType: 'number',
    columns: {
      id: sql`id::text`,
      at: moment(sql`at`),
      user_id: sql`user_id::text`,
      phone: sql`phone`,
      scope: sql`scope`,
      action: sql`action`,
      medium: sql`medium`,
      wording_version: sql`wording_version`,
      wording: sql`wording`,
      sender: sql`sender`,
      legal_sender: sql`legal_sender`,
      sent_from: sql`sent_from`,
      page: sql`page`,
    },
    phones: ['phone'],
  },
  opt_outs: {
    table: sql`sms_opt_outs`,
    at: sql`source.at`,
    id: sql`source.id`,
    idType: 'number',
    columns: {
      id: sql`id::text`,
      at: moment(sql`at`),
      recorded_at: moment(sql`recorded_at`),
      phone: sql`phone`,
      act: sql`act`,
      channel: sql`channel`,
      covers: sql`array_to_string(covers, ' ')`,
      senders: sql`array_to_string(senders, ' ')`,
      said_to: sql`said_to`,
      sender: sql`sender`,
      words: sql`words`,
      recorded_by: sql`recorded_by`,
    },
    phones: ['phone'],
    words: ['words'],
  },
};
