import type { Metadata } from 'next';
import { AdminNav } from '@/app/admin/admin-nav';
import { SiteNav } from '@/app/site-nav';
import { PackForm } from '@/components/forms/staff/PackForm';
import { SavedAlert } from '@/components/forms/SavedAlert';
import { Card } from '@/components/ui/Card';
import { Heading, HeadingGroup, Lead, Text } from '@/components/ui/Heading';
import { DataTable } from '@/components/ui/lists/DataTable';
import { Page } from '@/components/ui/Page';
import { TextLink } from '@/components/ui/TextLink';
import { RefreshWhile } from '@/components/ui/time/RefreshWhile';
import { db } from '@/db/client';
import { databaseNow } from '@/db/clock';
import { readUser, requireRole } from '@/lib/auth/sign-in/session';
import { env } from '@/lib/env';
import { mostPackRows } from '@/lib/exports/pack-rows';
import { readPacksPage, type ListedPack, type SeenPackSubject } from '@/lib/exports/packs';
import { addDays, dayOf } from '@/lib/reporting/rollups/report-days';
import { sayExportState, sayPeriodOf, sayProgress } from '../exports/export-words';
import { describeFile } from '../exports/file-cells';
import { sayCount, sayZone } from '../report-words';
import { removePackAction, startPackAction } from './actions';
import { packsPath } from './packs-path';

const savedWords: ReadonlyMap<string, string> = new Map([
  ['started', 'The pack has started.'],
  ['removed', 'The pack was removed.'],
]);

/** A page that is refused keeps the title it has here: Next asks forbidden.tsx for none. */
export async function generateMetadata(): Promise<Metadata> {
  const user = await readUser();
  return { title: user?.role === 'admin' ? 'Evidence packs' : 'Not allowed' };
}

type Query = Partial<Record<'saved' | 'person' | 'phone', string | string[]>>;

/** Evidence packs: of whom the page was opened for, or of a number that is typed; and those that are there. */
export default async function PacksPage({ searchParams }: { searchParams: Promise<Query> }) {
  await requireRole(packsPath, 'admin');
  const query = await searchParams;
  const [saved, person, phoneId] = [one(query.saved), one(query.person), one(query.phone)];
  const now = databaseNow();
  const { reportTimeZone: timeZone } = env();
  const today = dayOf(now, timeZone);
  const page = await readPacksPage(db(), { person, phoneId });
  const { chosen, packs, publicKey } = page;
  const isLost = chosen === null && (person !== null || phoneId !== null);
  const savedNow = saved === null ? undefined : savedWords.get(saved);
  return (
    <Page wide nav={<SiteNav part="/admin" />}>
      <HeadingGroup>
        <Heading>Evidence packs</Heading>
        <Lead>
          All that is kept about the texts of one person or number: consents with their wording, opt-outs with
          their words, texts with what every rule said, limits that were reached. A signed ZIP with a page to
          print, kept for a day. Days are those of {sayZone(timeZone)}.
        </Lead>
      </HeadingGroup>
      <AdminNav here="packs" />
      <SavedAlert title={savedNow} />
      <Card>
        <Heading level={2}>New pack</Heading>
        {isLost ? (
          <Text>
            There is no such account or number. The phone number of a deleted account finds what it left.
          </Text>
        ) : null}
        <PackForm
          action={startPackAction}
          about={chosen && { words: nameSubject(chosen), fields: fieldsOf(chosen), elseHref: packsPath }}
          days={{ first: addDays(today, -364), last: today, today }}
        />
      </Card>
      <Card label="Packs">
        <p role="status">
          {sayProgress(packs, (newest) => `of ${nameAbout(newest)}: ${sayPackState(newest)}`)}
        </p>
        <DataTable
          caption="Packs, newest first"
          columns={columns}
          rows={packs.map((each) => ({ id: each.id, cells: cellsOf(each, { timeZone, now }) }))}
          empty="There is no pack. One that you start stands here, and can be downloaded once it is written."
        />
        {packs.some(({ state }) => state === 'writing') ? (
          <>
            <RefreshWhile />
            <Text quiet>
              You can leave this page: it goes on. <TextLink href={packsPath}>Show how far it is</TextLink>
            </Text>
          </>
        ) : null}
      </Card>
      <Card>
        <Heading level={2}>Checking a pack</Heading>
        <Text>
          <code>npm run verify-pack -- FILE.zip</code> says whether a pack is as it was made here. Who has no
          access to this installation adds its public key, which you may give to anyone:
        </Text>
        <Text>
          <code>--key {publicKey}</code>
        </Text>
      </Card>
    </Page>
  );
}

function one(value: string | string[] | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function nameSubject(subject: SeenPackSubject): string {
  return subject.kind === 'person' ? subject.name : subject.maskedPhone;
}

function nameAbout({ about }: Pick<ListedPack, 'about'>): string {
  return about === null ? 'someone whose account is gone' : nameSubject(about);
}

function fieldsOf(subject: SeenPackSubject): Record<string, string> {
  return subject.kind === 'person' ? { person: subject.id } : { phoneId: subject.phoneId };
}

const columns = [
  { key: 'about', header: 'About' },
  { key: 'days', header: 'Days' },
  { key: 'by', header: 'Started' },
  { key: 'state', header: 'File' },
  { key: 'remove', header: 'Remove' },
] as const;

function cellsOf(each: ListedPack, clock: { timeZone: string; now: Date }) {
  const { about } = each;
  const name = nameAbout(each);
  const days = sayPeriodOf(each, clock);
  return {
    about:
      about === null ? (
        'Their account is gone'
      ) : (
        <TextLink
          href={about.kind === 'person' ? `/admin/users/${about.id}` : `/admin/phones/${about.phoneId}`}
        >
          {name}
        </TextLink>
      ),
    days,
    ...describeFile(each, {
      which: `the pack of ${name}, ${days}`,
      state: sayPackState(each),
      path: packsPath,
      remove: removePackAction,
      clock,
    }),
  };
}

function sayPackState({ state, rows, bytes }: ListedPack): string {
  if (state === 'too_large')
    return `More than ${sayCount(mostPackRows)} rows: too many for one pack. Start packs of fewer days each.`;
  return sayExportState({ state, rows, bytes, progress: null });
}
