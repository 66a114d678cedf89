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
-- What was there before is older than any mail about a change.
ALTER TABLE "passkeys" ADD COLUMN "change" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "recovery_code_sets" ADD COLUMN "change" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "totp_keys" ADD COLUMN "change" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "email_links" ADD COLUMN "change" bigint DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "passkeys" ALTER COLUMN "change" SET DEFAULT account_change();--> statement-breakpoint
ALTER TABLE "recovery_code_sets" ALTER COLUMN "change" SET DEFAULT account_change();--> statement-breakpoint
ALTER TABLE "totp_keys" ALTER COLUMN "change" SET DEFAULT account_change();--> statement-breakpoint
ALTER TABLE "email_links" ALTER COLUMN "change" SET DEFAULT account_change();--> statement-breakpoint
SELECT setval('account_changes', 10);
