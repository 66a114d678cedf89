import { createTransport } from 'nodemailer';
import { isLoopbackHostname, type Env, type MailSettings } from '@/lib/env';

/** A mail that is ready to go. */
export type OutgoingMail = {
  /** Of its row; the same whenever it is sent again. */
  id: string;
  to: string;
  subject: string;
  text: string;
  html: string;
};

/** `refused`: the server will never take it. `failed`: perhaps another time. `cause` is for the log and names no address. */
export type MailOutcome = { ok: true } | { ok: false; reason: 'refused' | 'failed'; cause: string };

export type MailTransport = { send: (mail: OutgoingMail) => Promise<MailOutcome>; close: () => void };

/** A server that says nothing for so long is given up; the lease of a mail is longer. */
const patienceMs = 15_000;

/** As many as a mailer has mails in hand; they are opened as they are needed. */
const mostConnections = 32;

/**
 * Opens what mail goes out by. By SMTP each mail has one recipient, a Message-ID made of its row's id, and headers that keep
 * out-of-office answers away (RFC 3834). Nothing leaves without TLS, but to a server on this machine.
 */
export function openTransport(
  env: Pick<Env, 'siteName' | 'appUrl'> & { mail: MailSettings },
  write: (line: string) => void = (line) => void process.stdout.write(line),
): MailTransport {
  const { mail, siteName, appUrl } = env;
  if (mail.via === 'off') {
    const nowhere: MailOutcome = { ok: false, reason: 'failed', cause: 'mail is off' };
    return { send: async () => nowhere, close: () => undefined };
  }
  if (mail.via === 'console') return openConsole(write);
  return openSmtp(mail, { siteName, host: appUrl.hostname });
}

/** Prints each mail as one line: `[mail] to=… subject="…" body="…"`, subject and body JSON-quoted. */
function openConsole(write: (line: string) => void): MailTransport {
  return {
    send: async ({ to, subject, text }) => {
      write(`[mail] to=${to} subject=${JSON.stringify(subject)} body=${JSON.stringify(text)}\n`);
      return { ok: true };
    },
    close: () => undefined,
  };
}

function openSmtp(
  { url, from }: { url: string; from: string },
  { siteName, host }: { siteName: string; host: string },
): MailTransport {
  const server = new URL(url);
  const isImplicitTls = server.protocol === 'smtps:';
  const transport = createTransport({
    host: server.hostname.replace(/^\[|\]$/g, ''),
    port: server.port === '' ? (isImplicitTls ? 465 : 587) : Number(server.port),
    secure: isImplicitTls,
    requireTLS: !isImplicitTls && !isLoopbackHostname(server.hostname),
    auth:
      server.username === ''
        ? undefined
        : { user: decodeURIComponent(server.username), pass: decodeURIComponent(server.password) },
    pool: true,
    maxConnections: mostConnections,
    connectionTimeout: patienceMs,
    greetingTimeout: patienceMs,
    socketTimeout: patienceMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    send: async ({ id, to, subject, text, html }) => {
      try {
        await transport.sendMail({
          messageId: `<${id}@${host}>`,
          from: { name: siteName, address: from },
          to: { name: '', address: to },
          subject,
          text,
          html,
          headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
        });
        return { ok: true };
      } catch (error) {
        return readFailure(error);
      }
    },
    close: () => transport.close(),
  };
}

/**
 * What a server answers for good about one recipient or message has a code of the 500s (RFC 5321 section 4.2.1). What the
 * library itself refuses before it asks, such as an address that no mail can go to, will not change either.
 */
function readFailure(error: unknown): MailOutcome {
  const { code, responseCode, command } = Object(error) as Record<string, unknown>;
  const isRefused =
    typeof responseCode === 'number' && responseCode >= 500 && /^(RCPT TO|DATA)/.test(String(command));
  const isImpossible = code === 'EENVELOPE' && command === 'API';
  const cause = [code, responseCode, command].filter((part) => part !== undefined).join(' ');
  return { ok: false, reason: isRefused || isImpossible ? 'refused' : 'failed', cause: cause || 'unknown' };
}
