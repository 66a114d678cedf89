CREATE TABLE "sms_unfinished_stops" (
	"phone" text NOT NULL,
	"is_late" boolean NOT NULL,
	"medium" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"agreed_before" timestamp with time zone,
	"through_id" bigint NOT NULL,
	"after_user_id" uuid NOT NULL,
	CONSTRAINT "sms_unfinished_stops_phone_is_late_pk" PRIMARY KEY("phone","is_late")
);
