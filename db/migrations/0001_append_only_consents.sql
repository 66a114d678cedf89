-- The ledger of consent only ever grows: what was agreed to, and when, is evidence.
create function refuse_change_of_consents() returns trigger language plpgsql as $$
begin
  raise exception 'sms_consents is append-only: % is refused', lower(tg_op) using errcode = 'restrict_violation';
end
$$;
--> statement-breakpoint
create trigger sms_consents_append_only_rows before update or delete on sms_consents
  for each row execute function refuse_change_of_consents();
--> statement-breakpoint
create trigger sms_consents_append_only_table before truncate on sms_consents
  for each statement execute function refuse_change_of_consents();
