CREATE TABLE "sms_opt_outs" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "sms_opt_outs_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone NOT NULL,
	"phone" text NOT NULL,
	"act" text NOT NULL,
	"channel" text NOT NULL,
	"covers" text[] NOT NULL,
	"sender" text,
	"words" text,
	"provider_sid" text,
	"user_id" uuid,
	"recorded_by" text NOT NULL,
	CONSTRAINT "sms_opt_outs_act_check" CHECK ("sms_opt_outs"."act" in ('opted_out', 'lifted')),
	CONSTRAINT "sms_opt_outs_channel_check" CHECK ("sms_opt_outs"."channel" in ('text', 'carrier', 'web')),
	CONSTRAINT "sms_opt_outs_covers_check" CHECK ("sms_opt_outs"."covers" <@ array['verification', 'updates'] and "sms_opt_outs"."covers" <> '{}')
);
--> statement-breakpoint
CREATE INDEX "sms_opt_outs_phone_index" ON "sms_opt_outs" USING btree ("phone","id");
--> statement-breakpoint
-- The ledger of opt-outs only ever grows: what was said, and when, is evidence.
create function refuse_change_of_opt_outs() returns trigger language plpgsql as $$
begin
  raise exception 'sms_opt_outs is append-only: % is refused', lower(tg_op) using errcode = 'restrict_violation';
end
$$;
--> statement-breakpoint
create trigger sms_opt_outs_append_only_rows before update or delete on sms_opt_outs
  for each row execute function refuse_change_of_opt_outs();
--> statement-breakpoint
create trigger sms_opt_outs_append_only_table before truncate on sms_opt_outs
  for each statement execute function refuse_change_of_opt_outs();
--> statement-breakpoint
-- What is still known of earlier ones.
insert into sms_opt_outs (at, phone, act, channel, covers, sender, words, provider_sid, recorded_by)
select at, phone, act, channel, '{verification,updates}', sender, words, provider_sid, recorded_by from (
  select created_at as at, phone, case when params ->> 'meaning' = 'stop' then 'opted_out' else 'lifted' end as act,
    'text' as channel, sender, body as words, provider_sid, 'inbound_webhook' as recorded_by
  from sms_messages
  where direction = 'in' and params ->> 'meaning' in ('stop', 'start') and phone <> ''
  union all
  select suppressed_at, number, 'opted_out', 'carrier', null, null, null, 'status_report'
  from phone_numbers where suppressed_by = 'carrier_stop' and suppressed_at is not null
) earlier order by at;
