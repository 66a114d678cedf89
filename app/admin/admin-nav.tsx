import { CountList } from '@/components/ui/lists/CountList';

const pages = [
  { id: 'overview', href: '/admin', words: 'Overview' },
  { id: 'alarms', href: '/admin/alarms', words: 'Alarms' },
  { id: 'messages', href: '/admin/messages', words: 'All texts' },
  { id: 'verifications', href: '/admin/verifications', words: 'Verifications' },
  { id: 'sender', href: '/admin/sender', words: 'Sender' },
  { id: 'limits', href: '/admin/limits', words: 'Limits' },
  { id: 'pumping', href: '/admin/pumping', words: 'Pumping' },
  { id: 'exports', href: '/admin/exports', words: 'Exports' },
  { id: 'packs', href: '/admin/packs', words: 'Evidence' },
] as const;

/** The ways between the pages about texts; `here` is the one that this page is, or belongs to. */
export function AdminNav({ here }: { here: (typeof pages)[number]['id'] }) {
  const parts = pages.map((page) => ({ ...page, isCurrent: page.id === here }));
  return <CountList label="Texts" parts={parts} folds />;
}
