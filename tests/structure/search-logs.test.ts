import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clearLogs, findLeaks, searchLogs } from '@/e2e/support/search-logs';

const printed = [
  '[sms] to=+15552000001 purpose=verification body="945359 is your Doorstep code.\\n\\n@localhost #945359"',
  '[mail] to=applicant-2@example.com subject="Confirm" body="http://localhost:1/users/confirm-email?link=6BwmX.A81q"',
];
const harmless = [
  '2026-11-30T16:15:05.364Z info sms_sent message=0daf059c-3652-4c91-abe9-69d20ba09de6 purpose=verification sid=null',
  '2026-11-30T16:15:05.364Z info request request=0daf059c-3652-4c91-abe9-123456789012 method=GET route=/users/[id] status=200 ms=945',
  '2026-11-30T16:15:05.364Z warn web_warning said="to [number], [digits], [email], link=[hidden]"',
  '2026-11-30T16:15:05.364Z warn clock_skew aheadMs=120000',
  'Built in 217 s.',
];

test('the search of the logs finds nothing in what may be there, the lines of the console backend included', () => {
  expect(findLeaks([...printed, ...harmless].join('\n'))).toEqual({ lines: harmless, leaks: [] });
});

test.each([
  'info event to +12125550100',
  'info event 2125550100',
  'info event (212) 555-0100',
  'info event "5552000001"',
  'info event 123456',
  '{"event":"945359"}',
  'info event someone@example.com',
  'info event someone%40example.com',
  'info event at=/users/enroll?link=abc',
  'info event 6BwmX.A81q',
  'info event cookie doorstep-session=abc',
  'info event Authorization: Bearer abc',
  'info event violet kettle 7 mosaic',
])('and it finds %s', (line) => {
  const { leaks } = findLeaks([...printed, ...harmless, line].join('\n'));
  expect(new Set(leaks.map((leak) => leak.line))).toEqual(new Set([line]));
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'doorstep-logs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const write = (file: string, ...lines: string[]) =>
  writeFileSync(join(folder, file), `${lines.join('\n')}\n`);

test('the logs of all servers of a run are searched, and one planted secret in the last of them fails the run', () => {
  write('server.log', ...printed, ...harmless);
  write('public-server-1.log', ...harmless);
  write('local-server.log', ...harmless);
  expect(() => searchLogs(folder)).not.toThrow();
  for (const planted of ['info event 945359', 'info event planted@example.com', 'info event violet kettle']) {
    write('public-server-1.log', ...harmless, planted);
    expect(() => searchLogs(folder)).toThrow(/public-server-1\.log has .+: info event/);
  }
});

test('what one server printed for a developer is a secret in the logs of all', () => {
  write('server.log', ...printed, ...harmless);
  write('public-server-1.log', ...harmless, 'info event to 6BwmX.A81q');
  expect(() => searchLogs(folder)).toThrow(/public-server-1\.log has “6BwmX\.A81q” of a text/);
});

test('a server whose log says nothing of requests, or that left none, is no proof', () => {
  expect(() => searchLogs(folder)).toThrow('nothing was searched');
  write('server.log', ...printed);
  expect(() => searchLogs(folder)).toThrow('nothing was searched');
  write('server.log', ...harmless);
  clearLogs(folder);
  expect(() => searchLogs(folder)).toThrow('nothing was searched');
});
