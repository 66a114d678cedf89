import { expect, test } from 'vitest';
import { findLeaks } from '@/e2e/support/search-logs';

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
