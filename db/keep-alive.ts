/**
 * For every connection to PostgreSQL: after five silent seconds the system asks whether the other machine is still there.
 * Node lets it ask ten times, once a second (socket.setKeepAlive), so a machine that vanished without a word is noticed
 * within 15 seconds, and one that came back with the next question. Left alone, pg keeps the system's own two hours.
 *
 * This cannot see that an answer is missing: while something that was sent is not yet acknowledged, nobody asks; and
 * whatever keeps connections open between us and PostgreSQL answers in its place. Statements have timeouts for that.
 */
export const keepAlive = { keepAlive: true, keepAliveInitialDelayMillis: 5_000 } as const;
