ALTER TABLE "mails" ADD COLUMN "network" text;--> statement-breakpoint
ALTER TABLE "mails" ADD COLUMN "turn" integer DEFAULT 201 NOT NULL;