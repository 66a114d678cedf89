CREATE TABLE "pack_pieces" (
	"job_id" uuid NOT NULL,
	"file" text NOT NULL,
	"part" integer NOT NULL,
	"rows" integer NOT NULL,
	"data" "bytea" NOT NULL,
	CONSTRAINT "pack_pieces_job_id_file_part_pk" PRIMARY KEY("job_id","file","part")
);
--> statement-breakpoint
ALTER TABLE "export_jobs" ADD COLUMN "subject" jsonb;--> statement-breakpoint
ALTER TABLE "pack_pieces" ADD CONSTRAINT "pack_pieces_job_id_export_jobs_id_fk" FOREIGN KEY ("job_id") REFERENCES "public"."export_jobs"("id") ON DELETE cascade ON UPDATE no action;