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
CREATE INDEX "audit_log_age_index" ON "audit_log" USING btree ("at") WHERE "audit_log"."address" is not null or "audit_log"."user_agent" is not null;--> statement-breakpoint
CREATE INDEX "users_pending_index" ON "users" USING btree ("created_at") WHERE "users"."activated_at" is null and "users"."deactivated_at" is null;--> statement-breakpoint
CREATE INDEX "sms_messages_age_index" ON "sms_messages" USING btree ("created_at") WHERE "sms_messages"."erased_at" is null and "sms_messages"."params" ->> 'meaning' is distinct from 'stop';--> statement-breakpoint
CREATE INDEX "sms_messages_ownerless_index" ON "sms_messages" USING btree ("created_at") WHERE "sms_messages"."user_id" is null and "sms_messages"."direction" = 'out' and "sms_messages"."purpose" <> 'reply' and "sms_messages"."phone" <> '';--> statement-breakpoint
CREATE UNIQUE INDEX "sms_verification_log_fold_unique" ON "sms_verification_log" USING btree ("fold_key") WHERE "sms_verification_log"."fold_key" is not null;--> statement-breakpoint
CREATE INDEX "sms_verification_log_accounts_index" ON "sms_verification_log" USING gin ("accounts") WHERE "sms_verification_log"."user_id" is null and "sms_verification_log"."accounts" is not null;--> statement-breakpoint
CREATE INDEX "sms_verification_log_networks_index" ON "sms_verification_log" USING gin ("networks") WHERE "sms_verification_log"."network" is null and "sms_verification_log"."networks" is not null;--> statement-breakpoint
CREATE INDEX "sms_verifications_age_index" ON "sms_verifications" USING btree ("created_at");