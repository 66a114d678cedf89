ALTER TABLE "sms_consents" ADD COLUMN "language" text;--> statement-breakpoint
ALTER TABLE "sms_consents" ADD COLUMN "legal_sender" text;--> statement-breakpoint
ALTER TABLE "sms_consents" ADD COLUMN "sent_from" text;--> statement-breakpoint
ALTER TABLE "sms_consents" ADD COLUMN "page" text;--> statement-breakpoint
ALTER TABLE "sms_messages" ADD COLUMN "phone_mark" text;--> statement-breakpoint
ALTER TABLE "sms_messages" ADD COLUMN "erased_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "sms_verification_log" ADD COLUMN "phone_mark" text;--> statement-breakpoint
ALTER TABLE "sms_verification_log" ADD COLUMN "times" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "sms_verification_log" ADD COLUMN "last_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "sms_verification_log" ADD COLUMN "fold_key" text;--> statement-breakpoint
ALTER TABLE "sms_verification_log" ADD COLUMN "accounts" jsonb;--> statement-breakpoint
ALTER TABLE "sms_verification_log" ADD COLUMN "networks" jsonb;--> statement-breakpoint
CREATE INDEX "users_pending_index" ON "users" USING btree ("created_at") WHERE "users"."activated_at" is null and "users"."deactivated_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "sms_verification_log_fold_unique" ON "sms_verification_log" USING btree ("fold_key") WHERE "sms_verification_log"."fold_key" is not null;