CREATE TABLE "metric_sums" (
	"series" text PRIMARY KEY NOT NULL,
	"value" double precision NOT NULL
);
