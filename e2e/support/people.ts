export type Applicant = { email: string; name: string; password: string };

let count = 0;

/** Counts over all tests of the run: each worker process, also one that replaces another, has its own index. */
function nextSerial(): number {
  count += 1;
  return Number(process.env.TEST_WORKER_INDEX ?? 0) * 10_000 + count;
}

/** A fictional number in E.164 that no other test has: limits are per number. */
export function newNumber(): string {
  return `+1555${2_000_000 + nextSerial()}`;
}

/** Someone who has no account yet, with an email that no other test has. */
export function newApplicant(): Applicant {
  return {
    email: `applicant-${nextSerial()}@example.com`,
    name: 'Alex Applicant',
    password: `violet kettle ${nextSerial()} mosaic`,
  };
}

/** A number of North America as people write it: `(555) 123-4567`. */
export function writeNationally(phone: string): string {
  const [, area, exchange, line] = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(phone)!;
  return `(${area}) ${exchange}-${line}`;
}
