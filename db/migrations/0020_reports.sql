CREATE TABLE "event_rollups" (
	"kind" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"key" text NOT NULL,
	"times" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "event_rollups_kind_at_key_pk" PRIMARY KEY("kind","at","key")
);
--> statement-breakpoint
CREATE TABLE "rolled_days" (
	"day" date PRIMARY KEY NOT NULL,
	"time_zone" text NOT NULL,
	"rolled_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sms_rollups" (
	"kind" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"key" text NOT NULL,
	"texts" bigint DEFAULT 0 NOT NULL,
	"segments" bigint DEFAULT 0 NOT NULL,
	"sent" bigint DEFAULT 0 NOT NULL,
	"delivered" bigint DEFAULT 0 NOT NULL,
	"failed" bigint DEFAULT 0 NOT NULL,
	"canceled" bigint DEFAULT 0 NOT NULL,
	"held" bigint DEFAULT 0 NOT NULL,
	"settled_usd" numeric(18, 6) DEFAULT '0' NOT NULL,
	"reserved_usd" numeric(18, 6) DEFAULT '0' NOT NULL,
	"failed_usd" numeric(18, 6) DEFAULT '0' NOT NULL,
	"latencies" integer[] DEFAULT '{}' NOT NULL,
	CONSTRAINT "sms_rollups_kind_at_key_pk" PRIMARY KEY("kind","at","key")
);
--> statement-breakpoint
ALTER TABLE "sms_messages" ADD COLUMN "held_at" timestamp with time zone;