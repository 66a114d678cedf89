CREATE TABLE "sms_codes_to_count" (
	"challenge_id" uuid PRIMARY KEY NOT NULL,
	"counted_at" timestamp with time zone
);
