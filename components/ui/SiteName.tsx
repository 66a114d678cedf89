'use client';

import { createContext, use, type ReactNode } from 'react';

/** Where the operator's logo is, how wide and high it is in units of its own, and whether it says the name itself. */
export type LogoPlace = { src: string; width: number; height: number; isWordmark: boolean };

const SiteContext = createContext<{ name: string; logo: LogoPlace | null }>({ name: 'Home', logo: null });

/** Tells the components below what the site is called: those that run in the browser cannot read the settings. */
export function SiteNameProvider({
  name,
  logo = null,
  children,
}: {
  name: string;
  logo?: LogoPlace | null;
  children: ReactNode;
}) {
  return <SiteContext value={{ name, logo }}>{children}</SiteContext>;
}

/** What the site is called. A page that takes the place of the root layout, since that failed, does not know it: "Home". */
export function SiteName() {
  return useSiteName();
}

/** The same as a string. */
export function useSiteName(): string {
  return use(SiteContext).name;
}

/** The operator's logo; null: the project's own mark stands in its place. */
export function useSiteLogo(): LogoPlace | null {
  return use(SiteContext).logo;
}
