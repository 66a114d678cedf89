'use client';

import { createContext, use, type ReactNode } from 'react';

const NameContext = createContext('Home');

/** Tells the components below what the site is called: those that run in the browser cannot read the settings. */
export function SiteNameProvider({ name, children }: { name: string; children: ReactNode }) {
  return <NameContext value={name}>{children}</NameContext>;
}

/** What the site is called. A page that takes the place of the root layout, since that failed, does not know it: "Home". */
export function SiteName() {
  return useSiteName();
}

/** The same as a string. */
export function useSiteName(): string {
  return use(NameContext);
}
