CREATE TABLE "bulk_items" (
	"bulk_id" uuid NOT NULL,
	"nth" integer NOT NULL,
	"application_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"outcome" text,
	"event_id" bigint,
	"done_at" timestamp with time zone,
	"tries" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "bulk_items_bulk_id_nth_pk" PRIMARY KEY("bulk_id","nth")
);
--> statement-breakpoint
CREATE TABLE "bulk_moves" (
	"id" uuid PRIMARY KEY NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone NOT NULL,
	"to_status" text,
	"note" text,
	"is_cut" boolean DEFAULT false NOT NULL,
	"state" text DEFAULT 'draft' NOT NULL,
	"state_at" timestamp with time zone NOT NULL,
	"paused_because" text,
	"started_by" uuid,
	"started_at" timestamp with time zone,
	"next_at" timestamp with time zone NOT NULL,
	"forecast" jsonb,
	CONSTRAINT "bulk_moves_state_check" CHECK ("bulk_moves"."state" in ('draft', 'running', 'paused', 'stopped', 'done'))
);
--> statement-breakpoint
ALTER TABLE "application_notices" ADD COLUMN "bulk_id" uuid;--> statement-breakpoint
ALTER TABLE "sms_messages" ADD COLUMN "source" uuid;--> statement-breakpoint
ALTER TABLE "bulk_items" ADD CONSTRAINT "bulk_items_bulk_id_bulk_moves_id_fk" FOREIGN KEY ("bulk_id") REFERENCES "public"."bulk_moves"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bulk_moves" ADD CONSTRAINT "bulk_moves_created_by_users_id_fk" FOREIGN KEY ("created_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bulk_moves" ADD CONSTRAINT "bulk_moves_started_by_users_id_fk" FOREIGN KEY ("started_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "bulk_items_outcome_index" ON "bulk_items" USING btree ("bulk_id","outcome","tries","nth");--> statement-breakpoint
CREATE INDEX "bulk_moves_next_index" ON "bulk_moves" USING btree ("next_at") WHERE "bulk_moves"."state" = 'running';--> statement-breakpoint
CREATE INDEX "bulk_moves_created_index" ON "bulk_moves" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "bulk_moves_created_by_index" ON "bulk_moves" USING btree ("created_by");--> statement-breakpoint
CREATE INDEX "bulk_moves_started_by_index" ON "bulk_moves" USING btree ("started_by");--> statement-breakpoint
CREATE INDEX "application_notices_bulk_index" ON "application_notices" USING btree ((case when "decided_at" is null and "kind" <> 'reminder' then "bulk_id" end)) WHERE "application_notices"."bulk_id" is not null;