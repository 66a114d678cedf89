ALTER TABLE "sms_opt_outs" ADD COLUMN "senders" text[];--> statement-breakpoint
ALTER TABLE "sms_opt_outs" ADD COLUMN "said_to" text;--> statement-breakpoint
ALTER TABLE "sms_unfinished_stops" ADD COLUMN "scopes" text[] DEFAULT '{"verification","updates"}' NOT NULL;--> statement-breakpoint
ALTER TABLE "phone_numbers" ADD COLUMN "suppressed_senders" text[];--> statement-breakpoint
ALTER TABLE "phone_numbers" ADD COLUMN "stop_said_to" text[];--> statement-breakpoint
ALTER TABLE "sms_opt_outs" ADD CONSTRAINT "sms_opt_outs_said_to_check" CHECK ("sms_opt_outs"."said_to" in ('updates', 'codes'));--> statement-breakpoint
ALTER TABLE "sms_opt_outs" ADD CONSTRAINT "sms_opt_outs_senders_check" CHECK ("sms_opt_outs"."senders" <@ array['updates', 'codes']);--> statement-breakpoint
ALTER TABLE "phone_numbers" ADD CONSTRAINT "phone_numbers_suppressed_senders_check" CHECK ("phone_numbers"."suppressed_senders" <@ array['updates', 'codes']);--> statement-breakpoint
ALTER TABLE "phone_numbers" ADD CONSTRAINT "phone_numbers_stop_said_to_check" CHECK ("phone_numbers"."stop_said_to" <@ array['updates', 'codes']);