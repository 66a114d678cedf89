CREATE TABLE "sms_deactivation_reads" (
	"provider" text PRIMARY KEY NOT NULL,
	"read_through" date NOT NULL,
	"next_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sms_entered_codes" (
	"challenge_id" uuid PRIMARY KEY NOT NULL,
	"entered_at" timestamp with time zone NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"tries" integer DEFAULT 0 NOT NULL
);
--> statement-breakpoint
ALTER TABLE "phone_numbers" ADD COLUMN "out_of_service_on" date;--> statement-breakpoint
ALTER TABLE "phone_numbers" ADD COLUMN "dead_texts" timestamp with time zone[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "phone_numbers" ADD COLUMN "proven_again_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "sms_entered_codes_due_index" ON "sms_entered_codes" USING btree ("due_at");