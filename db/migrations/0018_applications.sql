CREATE TABLE "application_events" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "application_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"application_id" uuid NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"kind" text NOT NULL,
	"from_status" text,
	"to_status" text,
	"from_since" timestamp with time zone,
	"actor_id" uuid,
	"actor_role" text NOT NULL,
	"note" text,
	"internal_note" text,
	"shows_at" timestamp with time zone NOT NULL,
	"undone_at" timestamp with time zone,
	"message_id" uuid
);
--> statement-breakpoint
CREATE TABLE "application_notices" (
	"id" uuid PRIMARY KEY NOT NULL,
	"application_id" uuid NOT NULL,
	"event_id" bigint NOT NULL,
	"kind" text NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"faults" integer DEFAULT 0 NOT NULL,
	"decided_at" timestamp with time zone,
	"state" text DEFAULT 'waiting' NOT NULL,
	"message_id" uuid,
	"mail_id" uuid,
	"check_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "applications" (
	"id" uuid PRIMARY KEY NOT NULL,
	"applicant_id" uuid,
	"applicant_name" text,
	"title" text NOT NULL,
	"message" text NOT NULL,
	"status" text NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"assignee_id" uuid,
	"created_at" timestamp with time zone NOT NULL,
	"moved_at" timestamp with time zone NOT NULL,
	"answered_at" timestamp with time zone,
	"news" text,
	CONSTRAINT "applications_status_check" CHECK ("applications"."status" in ('draft', 'submitted', 'in_review', 'documents_needed', 'approved', 'declined', 'withdrawn'))
);
--> statement-breakpoint
CREATE TABLE "staff_preferences" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"undo_seconds" integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE "application_events" ADD CONSTRAINT "application_events_application_id_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."applications"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "application_events" ADD CONSTRAINT "application_events_actor_id_users_id_fk" FOREIGN KEY ("actor_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "application_notices" ADD CONSTRAINT "application_notices_application_id_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."applications"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "application_notices" ADD CONSTRAINT "application_notices_event_id_application_events_id_fk" FOREIGN KEY ("event_id") REFERENCES "public"."application_events"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "applications" ADD CONSTRAINT "applications_applicant_id_users_id_fk" FOREIGN KEY ("applicant_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "applications" ADD CONSTRAINT "applications_assignee_id_users_id_fk" FOREIGN KEY ("assignee_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "staff_preferences" ADD CONSTRAINT "staff_preferences_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "application_events_application_index" ON "application_events" USING btree ("application_id","id");--> statement-breakpoint
CREATE INDEX "application_events_actor_index" ON "application_events" USING btree ("actor_id");--> statement-breakpoint
CREATE INDEX "application_notices_due_index" ON "application_notices" USING btree ("due_at") WHERE "application_notices"."decided_at" is null;--> statement-breakpoint
CREATE INDEX "application_notices_check_index" ON "application_notices" USING btree ("check_at") WHERE "application_notices"."check_at" is not null;--> statement-breakpoint
CREATE INDEX "application_notices_application_index" ON "application_notices" USING btree ("application_id","due_at");--> statement-breakpoint
CREATE INDEX "application_notices_event_index" ON "application_notices" USING btree ("event_id");--> statement-breakpoint
CREATE INDEX "applications_applicant_index" ON "applications" USING btree ("applicant_id","created_at");--> statement-breakpoint
CREATE INDEX "applications_moved_index" ON "applications" USING btree ("moved_at","id") WHERE "applications"."status" <> 'draft';--> statement-breakpoint
CREATE INDEX "applications_status_index" ON "applications" USING btree ("status","moved_at","id");--> statement-breakpoint
CREATE INDEX "applications_assignee_index" ON "applications" USING btree ("assignee_id","status","moved_at","id") WHERE "applications"."assignee_id" is not null;--> statement-breakpoint
CREATE INDEX "applications_unassigned_index" ON "applications" USING btree ("status","moved_at","id") WHERE "applications"."assignee_id" is null;--> statement-breakpoint
CREATE INDEX "applications_news_index" ON "applications" USING btree ("news","status","moved_at","id") WHERE "applications"."news" is not null;--> statement-breakpoint
CREATE INDEX "applications_assignee_news_index" ON "applications" USING btree ("assignee_id","news","status","moved_at","id") WHERE "applications"."assignee_id" is not null and "applications"."news" is not null;--> statement-breakpoint
CREATE INDEX "applications_unassigned_news_index" ON "applications" USING btree ("news","status","moved_at","id") WHERE "applications"."assignee_id" is null and "applications"."news" is not null;--> statement-breakpoint
CREATE INDEX "applications_name_index" ON "applications" USING btree (lower("applicant_name") text_pattern_ops) WHERE "applications"."applicant_name" is not null;