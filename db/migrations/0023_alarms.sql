CREATE TABLE "alarm_alerts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"alarm_id" uuid NOT NULL,
	"event" text NOT NULL,
	"body" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"send_after" timestamp with time zone NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"leased_until" timestamp with time zone,
	"lease_id" uuid,
	"sent_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	"cause" text
);
--> statement-breakpoint
CREATE TABLE "alarm_checks" (
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"run" integer NOT NULL,
	"run_since" timestamp with time zone,
	"checked_at" timestamp with time zone NOT NULL,
	CONSTRAINT "alarm_checks_kind_subject_pk" PRIMARY KEY("kind","subject")
);
--> statement-breakpoint
CREATE TABLE "alarm_rounds" (
	"name" text PRIMARY KEY NOT NULL,
	"next_at" timestamp with time zone NOT NULL,
	"begun_at" timestamp with time zone NOT NULL,
	"checked_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "alarms" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"opened_at" timestamp with time zone NOT NULL,
	"last_seen_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone,
	"acknowledged_at" timestamp with time zone,
	"acknowledged_by" uuid,
	"figures" jsonb NOT NULL,
	"last_figures" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "webhook_calls" (
	"hour" timestamp with time zone NOT NULL,
	"webhook" text NOT NULL,
	"count" bigint NOT NULL,
	"last_at" timestamp with time zone NOT NULL,
	CONSTRAINT "webhook_calls_hour_webhook_pk" PRIMARY KEY("hour","webhook")
);
--> statement-breakpoint
ALTER TABLE "alarm_alerts" ADD CONSTRAINT "alarm_alerts_alarm_id_alarms_id_fk" FOREIGN KEY ("alarm_id") REFERENCES "public"."alarms"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alarms" ADD CONSTRAINT "alarms_acknowledged_by_users_id_fk" FOREIGN KEY ("acknowledged_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "alarm_alerts_event_unique" ON "alarm_alerts" USING btree ("alarm_id","event");--> statement-breakpoint
CREATE INDEX "alarm_alerts_due_index" ON "alarm_alerts" USING btree ("send_after") WHERE "alarm_alerts"."sent_at" is null and "alarm_alerts"."ended_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "alarms_open_unique" ON "alarms" USING btree ("kind","subject") WHERE "alarms"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "alarms_opened_index" ON "alarms" USING btree ("opened_at","id");--> statement-breakpoint
CREATE INDEX "alarms_ended_index" ON "alarms" USING btree ("ended_at") WHERE "alarms"."ended_at" is not null;--> statement-breakpoint
CREATE INDEX "alarms_acknowledged_by_index" ON "alarms" USING btree ("acknowledged_by") WHERE "alarms"."acknowledged_by" is not null;