CREATE TABLE "passkeys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"credential_id" text NOT NULL,
	"public_key" "bytea" NOT NULL,
	"counter" bigint NOT NULL,
	"transports" text[] NOT NULL,
	"name" text NOT NULL,
	"backed_up" boolean NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"last_used_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "recovery_code_sets" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"sealed_codes" text,
	"created_at" timestamp with time zone NOT NULL,
	"confirmed_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "recovery_codes" (
	"code_hash" "bytea" PRIMARY KEY NOT NULL,
	"set_id" uuid NOT NULL,
	"used_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "second_factor_failures" (
	"hour" timestamp with time zone PRIMARY KEY NOT NULL,
	"wrong" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "second_factor_grace" (
	"role" text PRIMARY KEY NOT NULL,
	"ends_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "second_factor_tries" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"wrong_in_a_row" integer NOT NULL,
	"paused_until" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "spent_passkey_challenges" (
	"challenge_hash" "bytea" PRIMARY KEY NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "totp_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"sealed_key" text NOT NULL,
	"sealed_with" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"confirmed_at" timestamp with time zone,
	"last_step" bigint,
	"last_used_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "trusted_devices" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"last_used_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"address" text,
	"user_agent" text
);
--> statement-breakpoint
ALTER TABLE "email_links" DROP CONSTRAINT "email_links_purpose_check";--> statement-breakpoint
ALTER TABLE "login_grants" ADD COLUMN "second_factor_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "login_grants" ADD COLUMN "by_trusted_device" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "login_grants" ADD COLUMN "enroll_until" timestamp with time zone;--> statement-breakpoint
-- Of sessions that are open already, nobody knows when a password was last given: long ago.
ALTER TABLE "sessions" ADD COLUMN "authenticated_at" timestamp with time zone DEFAULT '1970-01-01 00:00:00+00' NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ALTER COLUMN "authenticated_at" SET DEFAULT now();--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "second_factor_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "by_trusted_device" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "enroll_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "sms_factor_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "enroll_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "passkey_offered_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "passkeys" ADD CONSTRAINT "passkeys_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "recovery_code_sets" ADD CONSTRAINT "recovery_code_sets_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "recovery_codes" ADD CONSTRAINT "recovery_codes_set_id_recovery_code_sets_id_fk" FOREIGN KEY ("set_id") REFERENCES "public"."recovery_code_sets"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "second_factor_tries" ADD CONSTRAINT "second_factor_tries_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "totp_keys" ADD CONSTRAINT "totp_keys_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trusted_devices" ADD CONSTRAINT "trusted_devices_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "passkeys_credential_unique" ON "passkeys" USING btree ("credential_id");--> statement-breakpoint
CREATE INDEX "passkeys_user_index" ON "passkeys" USING btree ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "recovery_code_sets_confirmed_unique" ON "recovery_code_sets" USING btree ("user_id") WHERE "recovery_code_sets"."confirmed_at" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "recovery_code_sets_waiting_unique" ON "recovery_code_sets" USING btree ("user_id") WHERE "recovery_code_sets"."confirmed_at" is null;--> statement-breakpoint
CREATE INDEX "recovery_code_sets_user_index" ON "recovery_code_sets" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "recovery_codes_set_index" ON "recovery_codes" USING btree ("set_id");--> statement-breakpoint
CREATE INDEX "spent_passkey_challenges_expiry_index" ON "spent_passkey_challenges" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "totp_keys_confirmed_unique" ON "totp_keys" USING btree ("user_id") WHERE "totp_keys"."confirmed_at" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "totp_keys_waiting_unique" ON "totp_keys" USING btree ("user_id") WHERE "totp_keys"."confirmed_at" is null;--> statement-breakpoint
CREATE INDEX "totp_keys_user_index" ON "totp_keys" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "totp_keys_sealed_index" ON "totp_keys" USING btree ("sealed_with");--> statement-breakpoint
CREATE INDEX "trusted_devices_user_index" ON "trusted_devices" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "trusted_devices_expiry_index" ON "trusted_devices" USING btree ("expires_at");--> statement-breakpoint
ALTER TABLE "email_links" ADD CONSTRAINT "email_links_purpose_check" CHECK ("email_links"."purpose" in ('confirm', 'claim', 'reset', 'change_email', 'invite', 'not_me', 'enroll'));--> statement-breakpoint
-- Whoever works here already has three days to set up a second factor; after that it takes a link.
UPDATE "users" SET "enroll_until" = now() + interval '72 hours' WHERE "role" <> 'applicant';
