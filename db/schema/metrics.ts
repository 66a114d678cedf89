import { doublePrecision, pgTable, text } from 'drizzle-orm/pg-core';

/**
 * What all processes of the installation have counted since it began, a row for each series of `/api/metrics`: its name and its
 * labels, which are all known beforehand, so there are some thousand rows at most. Only ever added to, so a process that starts
 * again lets nothing fall. Written by lib/metrics/share-counts.ts.
 */
export const metricSums = pgTable('metric_sums', {
  series: text('series').primaryKey(),
  value: doublePrecision('value').notNull(),
});
