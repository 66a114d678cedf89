DROP INDEX "mails_due_index";--> statement-breakpoint
DROP INDEX "mails_failed_index";--> statement-breakpoint
ALTER TABLE "mails" ADD COLUMN "network" text;--> statement-breakpoint
ALTER TABLE "mails" ADD COLUMN "turn" integer DEFAULT 201 NOT NULL;--> statement-breakpoint
CREATE INDEX "mails_line_index" ON "mails" USING btree ("turn","send_after") WHERE "mails"."sent_at" is null and "mails"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "mails_network_index" ON "mails" USING btree ("network","created_at") WHERE "mails"."network" is not null;