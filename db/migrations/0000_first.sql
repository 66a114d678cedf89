CREATE TABLE "audit_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone NOT NULL,
	"action" text NOT NULL,
	"user_id" uuid,
	"actor_id" uuid,
	"address" text,
	"user_agent" text,
	"details" jsonb DEFAULT '{}'::jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "login_grants" (
	"token_hash" "bytea" PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "pending_tokens" (
	"token_hash" "bytea" PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"purpose" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"last_used_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "rate_limits" (
	"key" text PRIMARY KEY NOT NULL,
	"hits" timestamp with time zone[] DEFAULT '{}' NOT NULL,
	"empty_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"last_seen_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"address" text,
	"user_agent" text
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY NOT NULL,
	"email" text NOT NULL,
	"email_key" text NOT NULL,
	"name" text NOT NULL,
	"password_hash" text NOT NULL,
	"role" text DEFAULT 'applicant' NOT NULL,
	"phone" text,
	"phone_moved_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"activated_at" timestamp with time zone,
	"deactivated_at" timestamp with time zone,
	"password_changed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "users_role_check" CHECK ("users"."role" in ('applicant', 'broker', 'staff', 'admin')),
	CONSTRAINT "users_phone_e164_check" CHECK ("users"."phone" ~ '^\+[1-9][0-9]{6,14}$')
);
--> statement-breakpoint
CREATE TABLE "sms_consent_details" (
	"consent_id" bigint PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"address" text,
	"user_agent" text
);
--> statement-breakpoint
CREATE TABLE "sms_consents" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sms_consents_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone NOT NULL,
	"user_id" uuid NOT NULL,
	"phone" text NOT NULL,
	"scope" text NOT NULL,
	"action" text NOT NULL,
	"medium" text NOT NULL,
	"wording_version" text,
	"wording" text,
	"sender" text NOT NULL,
	CONSTRAINT "sms_consents_scope_check" CHECK ("sms_consents"."scope" in ('verification', 'updates')),
	CONSTRAINT "sms_consents_action_check" CHECK ("sms_consents"."action" in ('granted', 'withdrawn', 'resumed')),
	CONSTRAINT "sms_consents_wording_check" CHECK ("sms_consents"."action" = 'withdrawn' or ("sms_consents"."wording_version" is not null and "sms_consents"."wording" is not null))
);
--> statement-breakpoint
CREATE TABLE "phone_numbers" (
	"number" text PRIMARY KEY NOT NULL,
	"prove_sends" timestamp with time zone[] DEFAULT '{}' NOT NULL,
	"sign_in_sends" timestamp with time zone[] DEFAULT '{}' NOT NULL,
	"failures" timestamp with time zone[] DEFAULT '{}' NOT NULL,
	"holder_user_id" uuid,
	"held_since" timestamp with time zone,
	"suppressed_at" timestamp with time zone,
	"suppressed_by" text,
	"undeliverable_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "sms_messages" (
	"id" uuid PRIMARY KEY NOT NULL,
	"direction" text DEFAULT 'out' NOT NULL,
	"user_id" uuid,
	"phone" text NOT NULL,
	"purpose" text NOT NULL,
	"template" text NOT NULL,
	"params" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"challenge_id" uuid,
	"counted_at" timestamp with time zone,
	"retry_of" uuid,
	"retries" integer DEFAULT 0 NOT NULL,
	"dedupe_key" text,
	"created_at" timestamp with time zone NOT NULL,
	"send_after" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone,
	"status" text DEFAULT 'queued' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"first_claimed_at" timestamp with time zone,
	"lease_until" timestamp with time zone,
	"unknown_since" timestamp with time zone,
	"look_ups" integer DEFAULT 0 NOT NULL,
	"attempted_at" timestamp with time zone,
	"faulted_at" timestamp with time zone,
	"sender" text,
	"provider_sid" text,
	"sent_at" timestamp with time zone,
	"delivered_at" timestamp with time zone,
	"failed_at" timestamp with time zone,
	"provider_status" text,
	"error_code" integer,
	"reason" text,
	"details" jsonb,
	"segments" integer,
	"price" numeric(12, 6),
	"estimated_price" numeric(12, 6),
	"reserved_at" timestamp with time zone,
	"price_settled_at" timestamp with time zone,
	"check_at" timestamp with time zone,
	"reconciled_at" timestamp with time zone,
	"body" text,
	CONSTRAINT "sms_messages_dedupe_key_unique" UNIQUE("dedupe_key"),
	CONSTRAINT "sms_messages_provider_sid_unique" UNIQUE("provider_sid"),
	CONSTRAINT "sms_messages_status_check" CHECK ("sms_messages"."status" in ('queued', 'sending', 'sent', 'delivered', 'failed', 'canceled', 'received'))
);
--> statement-breakpoint
CREATE TABLE "sms_preferences" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"enabled" boolean DEFAULT false NOT NULL,
	"application_status" boolean DEFAULT true NOT NULL,
	"reminders" boolean DEFAULT true NOT NULL,
	"security" boolean DEFAULT true NOT NULL,
	"texts_version" integer DEFAULT 1 NOT NULL,
	"quiet_hours_enabled" boolean DEFAULT true NOT NULL,
	"quiet_hours_start" text DEFAULT '20:00' NOT NULL,
	"quiet_hours_end" text DEFAULT '09:00' NOT NULL,
	"time_zone" text,
	"quiet_hours_version" integer DEFAULT 1 NOT NULL,
	"updated_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sms_senders" (
	"sender" text PRIMARY KEY NOT NULL,
	"next_slot_at" timestamp with time zone NOT NULL,
	"stopped_until" timestamp with time zone,
	"stopped_reason" text
);
--> statement-breakpoint
CREATE TABLE "sms_verification_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sms_verification_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone NOT NULL,
	"event" text NOT NULL,
	"reason" text,
	"phone" text,
	"user_id" uuid,
	"challenge_id" uuid,
	"address" text,
	"user_agent" text,
	"details" jsonb
);
--> statement-breakpoint
CREATE TABLE "sms_verifications" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"phone" text NOT NULL,
	"purpose" text NOT NULL,
	"nonce" "bytea" NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"last_sent_at" timestamp with time zone NOT NULL,
	"wrong_tries" integer DEFAULT 0 NOT NULL,
	"consumed_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	"ended_by" text,
	CONSTRAINT "sms_verifications_tries_check" CHECK ("sms_verifications"."wrong_tries" between 0 and 5)
);
--> statement-breakpoint
ALTER TABLE "login_grants" ADD CONSTRAINT "login_grants_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pending_tokens" ADD CONSTRAINT "pending_tokens_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sms_consent_details" ADD CONSTRAINT "sms_consent_details_consent_id_sms_consents_id_fk" FOREIGN KEY ("consent_id") REFERENCES "public"."sms_consents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "phone_numbers" ADD CONSTRAINT "phone_numbers_holder_user_id_users_id_fk" FOREIGN KEY ("holder_user_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sms_messages" ADD CONSTRAINT "sms_messages_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sms_preferences" ADD CONSTRAINT "sms_preferences_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sms_verifications" ADD CONSTRAINT "sms_verifications_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "audit_log_user_index" ON "audit_log" USING btree ("user_id","at");--> statement-breakpoint
CREATE INDEX "audit_log_at_index" ON "audit_log" USING btree ("at");--> statement-breakpoint
CREATE INDEX "login_grants_user_index" ON "login_grants" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "login_grants_expiry_index" ON "login_grants" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "pending_tokens_user_index" ON "pending_tokens" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "pending_tokens_age_index" ON "pending_tokens" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "rate_limits_empty_index" ON "rate_limits" USING btree ("empty_at");--> statement-breakpoint
CREATE INDEX "sessions_user_index" ON "sessions" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "sessions_expiry_index" ON "sessions" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "users_email_unique" ON "users" USING btree ("email_key");--> statement-breakpoint
CREATE INDEX "users_phone_index" ON "users" USING btree ("phone") WHERE "users"."phone" is not null;--> statement-breakpoint
CREATE INDEX "sms_consents_user_index" ON "sms_consents" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "sms_consents_phone_index" ON "sms_consents" USING btree ("phone","id");--> statement-breakpoint
CREATE INDEX "phone_numbers_holder_index" ON "phone_numbers" USING btree ("holder_user_id");--> statement-breakpoint
CREATE INDEX "sms_messages_due_index" ON "sms_messages" USING btree ("send_after") WHERE "sms_messages"."status" = 'queued';--> statement-breakpoint
CREATE INDEX "sms_messages_due_code_index" ON "sms_messages" USING btree ("send_after") WHERE "sms_messages"."status" = 'queued' and "sms_messages"."purpose" = 'verification';--> statement-breakpoint
CREATE INDEX "sms_messages_sending_index" ON "sms_messages" USING btree ("send_after") WHERE "sms_messages"."status" = 'sending';--> statement-breakpoint
CREATE INDEX "sms_messages_check_index" ON "sms_messages" USING btree ("check_at") WHERE "sms_messages"."check_at" is not null;--> statement-breakpoint
CREATE INDEX "sms_messages_spend_index" ON "sms_messages" USING btree ("reserved_at","price") WHERE "sms_messages"."price" is not null;--> statement-breakpoint
CREATE INDEX "sms_messages_user_spend_index" ON "sms_messages" USING btree ("user_id","reserved_at","price") WHERE "sms_messages"."price" is not null;--> statement-breakpoint
CREATE INDEX "sms_messages_attempted_index" ON "sms_messages" USING btree ("attempted_at") WHERE "sms_messages"."attempted_at" is not null;--> statement-breakpoint
CREATE INDEX "sms_messages_user_index" ON "sms_messages" USING btree ("user_id","created_at");--> statement-breakpoint
CREATE INDEX "sms_messages_phone_index" ON "sms_messages" USING btree ("phone","created_at");--> statement-breakpoint
CREATE INDEX "sms_messages_created_index" ON "sms_messages" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "sms_messages_last_digits_index" ON "sms_messages" USING btree (right("phone", 4),"created_at","id");--> statement-breakpoint
CREATE INDEX "sms_messages_rare_status_index" ON "sms_messages" USING btree ("created_at","id") WHERE "sms_messages"."status" in ('failed', 'canceled', 'received');--> statement-breakpoint
CREATE INDEX "sms_messages_challenge_index" ON "sms_messages" USING btree ("challenge_id");--> statement-breakpoint
CREATE INDEX "sms_verification_log_user_index" ON "sms_verification_log" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "sms_verification_log_phone_index" ON "sms_verification_log" USING btree ("phone","id");--> statement-breakpoint
CREATE INDEX "sms_verification_log_at_index" ON "sms_verification_log" USING btree ("at","id");--> statement-breakpoint
CREATE INDEX "sms_verification_log_last_digits_index" ON "sms_verification_log" USING btree (right("phone", 4),"at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "sms_verifications_open_unique" ON "sms_verifications" USING btree ("user_id") WHERE "sms_verifications"."consumed_at" is null and "sms_verifications"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "sms_verifications_phone_index" ON "sms_verifications" USING btree ("phone");