CREATE TABLE "sms_deactivations_aside" (
	"day" date PRIMARY KEY NOT NULL,
	"put_aside_at" timestamp with time zone NOT NULL,
	"numbers" integer NOT NULL,
	"would_mark" integer NOT NULL,
	"held" integer NOT NULL
);
