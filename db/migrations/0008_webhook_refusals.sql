CREATE TABLE "sms_inbound_reads" (
	"sender" text PRIMARY KEY NOT NULL,
	"read_until" timestamp with time zone NOT NULL,
	"next_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "webhook_refusals" (
	"hour" timestamp with time zone NOT NULL,
	"webhook" text NOT NULL,
	"reason" text NOT NULL,
	"names_us" boolean NOT NULL,
	"count" bigint NOT NULL,
	"first_at" timestamp with time zone NOT NULL,
	"last_at" timestamp with time zone NOT NULL,
	CONSTRAINT "webhook_refusals_hour_webhook_reason_names_us_pk" PRIMARY KEY("hour","webhook","reason","names_us")
);
