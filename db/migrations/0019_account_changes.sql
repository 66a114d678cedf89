CREATE SEQUENCE "account_changes";--> statement-breakpoint
CREATE FUNCTION account_change() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
begin
	if coalesce(current_setting('doorstep.account_change', true), '') = '' then
		perform set_config('doorstep.account_change', nextval('account_changes')::text, true);
	end if;
	return current_setting('doorstep.account_change')::bigint;
end
$$;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "sms_factor_change" bigint;--> statement-breakpoint
ALTER TABLE "passkeys" ADD COLUMN "change" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "recovery_code_sets" ADD COLUMN "change" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "totp_keys" ADD COLUMN "change" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "email_links" ADD COLUMN "change" bigint DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "passkeys" ALTER COLUMN "change" SET DEFAULT account_change();--> statement-breakpoint
ALTER TABLE "recovery_code_sets" ALTER COLUMN "change" SET DEFAULT account_change();--> statement-breakpoint
ALTER TABLE "totp_keys" ALTER COLUMN "change" SET DEFAULT account_change();--> statement-breakpoint
ALTER TABLE "email_links" ALTER COLUMN "change" SET DEFAULT account_change();--> statement-breakpoint
-- What is there already, in the order in which it says that it was made: what has the same moment was one change.
CREATE TEMPORARY TABLE "numbered" ON COMMIT DROP AS
	SELECT kind, id, dense_rank() OVER (ORDER BY at) AS change FROM (
		SELECT 'link' AS kind, id, created_at AS at FROM "email_links"
		UNION ALL SELECT 'passkey', id, created_at FROM "passkeys"
		UNION ALL SELECT 'totp', id, coalesce(confirmed_at, created_at) FROM "totp_keys"
		UNION ALL SELECT 'codes', id, coalesce(confirmed_at, created_at) FROM "recovery_code_sets"
		UNION ALL SELECT 'sms', id, sms_factor_since FROM "users" WHERE sms_factor_since IS NOT NULL
	) AS made;--> statement-breakpoint
UPDATE "email_links" SET change = n.change FROM numbered n WHERE n.kind = 'link' AND n.id = email_links.id;--> statement-breakpoint
UPDATE "passkeys" SET change = n.change FROM numbered n WHERE n.kind = 'passkey' AND n.id = passkeys.id;--> statement-breakpoint
UPDATE "totp_keys" SET change = n.change FROM numbered n WHERE n.kind = 'totp' AND n.id = totp_keys.id;--> statement-breakpoint
UPDATE "recovery_code_sets" SET change = n.change FROM numbered n WHERE n.kind = 'codes' AND n.id = recovery_code_sets.id;--> statement-breakpoint
UPDATE "users" SET sms_factor_change = n.change FROM numbered n WHERE n.kind = 'sms' AND n.id = users.id;--> statement-breakpoint
SELECT setval('account_changes', 1 + (SELECT coalesce(max(change), 0) FROM numbered));--> statement-breakpoint
CREATE INDEX "mails_failed_index" ON "mails" USING btree ("send_after") WHERE "mails"."sent_at" is null and "mails"."ended_at" is null and "mails"."attempts" > 0;--> statement-breakpoint
DROP INDEX "mails_age_index";--> statement-breakpoint
CREATE INDEX "mails_age_index" ON "mails" USING btree ("created_at") WHERE "mails"."sent_at" is not null or "mails"."ended_at" is not null;
