/** What an operation answers: a value, or an expected refusal with the facts the caller needs to say it in words. */
export type Result<Value, Refusal extends { reason: string }> =
  { ok: true; value: Value } | ({ ok: false } & Refusal);
