ALTER TABLE "phone_numbers" ADD COLUMN "prove_again_sends" timestamp with time zone[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "phone_numbers" ADD COLUMN "recover_sends" timestamp with time zone[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "phone_numbers" ADD COLUMN "prove_again_failures" timestamp with time zone[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "phone_numbers" ADD COLUMN "sign_in_failures" timestamp with time zone[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "phone_numbers" ADD COLUMN "recover_failures" timestamp with time zone[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "phone_numbers" ADD COLUMN "stranger_acts" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "sms_verifications" ADD COLUMN "send_class" text DEFAULT 'prove' NOT NULL;