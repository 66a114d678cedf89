DROP INDEX "audit_log_at_index";--> statement-breakpoint
DROP INDEX "sms_messages_rare_status_index";--> statement-breakpoint
DROP INDEX "sms_verifications_phone_index";--> statement-breakpoint
DROP INDEX "sms_messages_challenge_index";--> statement-breakpoint
CREATE INDEX "audit_log_actor_index" ON "audit_log" USING btree ("actor_id") WHERE "audit_log"."actor_id" is distinct from "audit_log"."user_id";--> statement-breakpoint
CREATE INDEX "users_admin_index" ON "users" USING btree ("id") WHERE "users"."role" = 'admin';--> statement-breakpoint
CREATE INDEX "sms_messages_status_index" ON "sms_messages" USING btree ("status","created_at","id") WHERE "sms_messages"."status" in ('sent', 'failed', 'canceled', 'received');--> statement-breakpoint
CREATE INDEX "sms_verifications_user_index" ON "sms_verifications" USING btree ("user_id","created_at");--> statement-breakpoint
CREATE INDEX "sms_verifications_open_phone_index" ON "sms_verifications" USING btree ("phone") WHERE "sms_verifications"."consumed_at" is null and "sms_verifications"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "sms_verifications_expiry_index" ON "sms_verifications" USING btree ("expires_at") WHERE "sms_verifications"."consumed_at" is null and "sms_verifications"."ended_at" is null;--> statement-breakpoint
CREATE INDEX "sms_messages_challenge_index" ON "sms_messages" USING btree ("challenge_id") WHERE "sms_messages"."challenge_id" is not null;