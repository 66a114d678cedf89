CREATE TABLE "recoveries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"email" text NOT NULL,
	"email_key" text NOT NULL,
	"user_id" uuid,
	"phone" text,
	"nonce" "bytea" NOT NULL,
	"address" text NOT NULL,
	"user_agent" text,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"asked_at" timestamp with time zone,
	"wrong_tries" integer DEFAULT 0 NOT NULL,
	"consumed_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	CONSTRAINT "recoveries_tries_check" CHECK ("recoveries"."wrong_tries" between 0 and 5)
);
--> statement-breakpoint
ALTER TABLE "recoveries" ADD CONSTRAINT "recoveries_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "recoveries_token_unique" ON "recoveries" USING btree ("token_hash");--> statement-breakpoint
CREATE INDEX "recoveries_asked_index" ON "recoveries" USING btree ("asked_at") WHERE "recoveries"."asked_at" is not null;--> statement-breakpoint
CREATE INDEX "recoveries_user_index" ON "recoveries" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "recoveries_phone_index" ON "recoveries" USING btree ("phone") WHERE "recoveries"."phone" is not null;--> statement-breakpoint
CREATE INDEX "recoveries_expiry_index" ON "recoveries" USING btree ("expires_at");