DROP INDEX "sms_messages_network_index";--> statement-breakpoint
ALTER TABLE "sms_verification_log" ADD COLUMN "network" text;--> statement-breakpoint
CREATE INDEX "sms_verification_log_network_index" ON "sms_verification_log" USING btree ("network","at") WHERE "sms_verification_log"."network" is not null;