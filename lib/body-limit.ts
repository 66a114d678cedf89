import limits from './body-limit.json';

// The figures are in JSON because Next's own loader of next.config.ts reads them too, and it resolves no TypeScript.

/**
 * The most bytes that the body of a request may have: our longest form is a few KB. Next reads a form before any code of
 * ours, and takes up to 2 ms of its only event loop per KB.
 */
export const maxBodyBytes = limits.maxBodyBytes;

/** The same for a call of a webhook: Twilio's are a few hundred bytes. */
export const maxWebhookBytes = limits.maxWebhookBytes;
