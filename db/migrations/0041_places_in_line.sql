ALTER TABLE "sms_messages" ADD COLUMN "wide_network" text;--> statement-breakpoint
ALTER TABLE "sms_messages" ADD COLUMN "wide_turns" smallint;--> statement-breakpoint
ALTER TABLE "sms_messages" ADD COLUMN "prefix_turns" smallint;