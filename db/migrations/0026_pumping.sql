CREATE TABLE "pumping_hits" (
	"order_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"verified_at" timestamp with time zone,
	CONSTRAINT "pumping_hits_order_id_user_id_pk" PRIMARY KEY("order_id","user_id")
);
--> statement-breakpoint
CREATE TABLE "pumping_orders" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"scope" text NOT NULL,
	"last_digits" text,
	"begun_at" timestamp with time zone NOT NULL,
	"ends_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone,
	"ended_by" uuid,
	"ended_reason" text,
	"ordered_by" uuid,
	"reason" text,
	"figures" jsonb
);
--> statement-breakpoint
CREATE TABLE "pumping_pairs" (
	"prefix" text NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"network" text NOT NULL,
	"unverified" integer NOT NULL,
	CONSTRAINT "pumping_pairs_prefix_hour_network_pk" PRIMARY KEY("prefix","hour","network")
);
--> statement-breakpoint
CREATE TABLE "pumping_progress" (
	"name" text PRIMARY KEY NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"id" uuid NOT NULL
);
--> statement-breakpoint
CREATE TABLE "pumping_sums" (
	"scope" text NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"verified" integer NOT NULL,
	"unverified" integer NOT NULL,
	CONSTRAINT "pumping_sums_scope_hour_pk" PRIMARY KEY("scope","hour")
);
--> statement-breakpoint
ALTER TABLE "pumping_hits" ADD CONSTRAINT "pumping_hits_order_id_pumping_orders_id_fk" FOREIGN KEY ("order_id") REFERENCES "public"."pumping_orders"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pumping_orders" ADD CONSTRAINT "pumping_orders_ended_by_users_id_fk" FOREIGN KEY ("ended_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pumping_orders" ADD CONSTRAINT "pumping_orders_ordered_by_users_id_fk" FOREIGN KEY ("ordered_by") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "pumping_hits_waiting_index" ON "pumping_hits" USING btree ("user_id") WHERE "pumping_hits"."verified_at" is null;--> statement-breakpoint
CREATE INDEX "pumping_orders_scope_index" ON "pumping_orders" USING btree ("scope","ends_at");--> statement-breakpoint
CREATE INDEX "pumping_orders_ends_index" ON "pumping_orders" USING btree ("ends_at");--> statement-breakpoint
CREATE INDEX "pumping_orders_begun_index" ON "pumping_orders" USING btree ("begun_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "pumping_orders_given_unique" ON "pumping_orders" USING btree ("scope") WHERE "pumping_orders"."kind" <> 'closed' and "pumping_orders"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "pumping_orders_ended_by_index" ON "pumping_orders" USING btree ("ended_by") WHERE "pumping_orders"."ended_by" is not null;--> statement-breakpoint
CREATE INDEX "pumping_orders_ordered_by_index" ON "pumping_orders" USING btree ("ordered_by") WHERE "pumping_orders"."ordered_by" is not null;--> statement-breakpoint
CREATE INDEX "pumping_pairs_hour_index" ON "pumping_pairs" USING btree ("hour");--> statement-breakpoint
CREATE INDEX "pumping_sums_hour_index" ON "pumping_sums" USING btree ("hour");