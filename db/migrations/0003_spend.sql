CREATE TABLE "sms_spend" (
	"scope" text NOT NULL,
	"minute" timestamp with time zone NOT NULL,
	"micros" bigint NOT NULL,
	CONSTRAINT "sms_spend_scope_minute_pk" PRIMARY KEY("scope","minute")
);
--> statement-breakpoint
DROP INDEX "sms_messages_user_spend_index";--> statement-breakpoint
ALTER TABLE "sms_messages" ADD COLUMN "send_class" text;--> statement-breakpoint
ALTER TABLE "sms_messages" ADD COLUMN "network" text;--> statement-breakpoint
ALTER TABLE "sms_messages" ADD COLUMN "faults" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "sms_messages" ADD COLUMN "spend_scopes" text[];--> statement-breakpoint
CREATE INDEX "sms_spend_minute_index" ON "sms_spend" USING btree ("minute");--> statement-breakpoint
CREATE INDEX "sms_messages_network_index" ON "sms_messages" USING btree ("network","created_at") WHERE "sms_messages"."network" is not null;--> statement-breakpoint
INSERT INTO "sms_spend" ("scope", "minute", "micros")
SELECT 'all', date_trunc('minute', "reserved_at"), (sum("price") * 1000000)::bigint FROM "sms_messages"
WHERE "price" IS NOT NULL AND "reserved_at" > now() - interval '25 hours'
GROUP BY 2;
