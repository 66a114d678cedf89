CREATE TABLE "email_links" (
	"id" uuid PRIMARY KEY NOT NULL,
	"purpose" text NOT NULL,
	"user_id" uuid,
	"email" text NOT NULL,
	"email_key" text NOT NULL,
	"nonce" "bytea" NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	"details" jsonb DEFAULT '{}'::jsonb NOT NULL,
	CONSTRAINT "email_links_purpose_check" CHECK ("email_links"."purpose" in ('confirm', 'claim', 'reset', 'change_email', 'invite', 'not_me'))
);
--> statement-breakpoint
CREATE TABLE "mails" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid,
	"to_address" text NOT NULL,
	"template" text NOT NULL,
	"params" jsonb NOT NULL,
	"link_id" uuid,
	"created_at" timestamp with time zone NOT NULL,
	"send_after" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"lease_id" uuid,
	"leased_until" timestamp with time zone,
	"sent_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	"reason" text
);
--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "email_proven_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "recovered_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "email_links" ADD CONSTRAINT "email_links_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "mails" ADD CONSTRAINT "mails_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "mails" ADD CONSTRAINT "mails_link_id_email_links_id_fk" FOREIGN KEY ("link_id") REFERENCES "public"."email_links"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "email_links_user_index" ON "email_links" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "email_links_email_index" ON "email_links" USING btree ("email_key");--> statement-breakpoint
CREATE INDEX "email_links_age_index" ON "email_links" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "email_links_unowned_index" ON "email_links" USING btree ("created_at") WHERE "email_links"."user_id" is null;--> statement-breakpoint
CREATE INDEX "mails_due_index" ON "mails" USING btree ("send_after") WHERE "mails"."sent_at" is null and "mails"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "mails_user_index" ON "mails" USING btree ("user_id","created_at","id");--> statement-breakpoint
CREATE INDEX "mails_link_index" ON "mails" USING btree ("link_id");--> statement-breakpoint
CREATE INDEX "mails_age_index" ON "mails" USING btree ("created_at");--> statement-breakpoint
-- Accounts that an operator made count as proven: the operator knows whose address it is.
UPDATE "users" SET "email_proven_at" = "created_at" WHERE "role" <> 'applicant' OR "id" IN (SELECT "user_id" FROM "audit_log" WHERE "action" = 'account_created_by_operator');
