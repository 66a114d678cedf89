CREATE TABLE "ledger_checks" (
	"part" text PRIMARY KEY NOT NULL,
	"checked_at" timestamp with time zone,
	"leased_until" timestamp with time zone,
	"differences" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"found_at" timestamp with time zone
);
