/** Who asks and when: what every journey gets besides its input, so that rules can be tested at any hour. */
export type RequestContext = {
  now: Date;
  /** The client's address as far as it can be trusted. */
  address: string;
  userAgent: string | null;
};
