import type { Doorstep } from './doorstep';
import type { Floor } from './floor';
import type { Row } from './measure';

const callers = 32;
const quick = { least: 10, most: 1_000 };
const slow = { least: 4, most: 400 };

/** What is measured, and what each row is compared to, in the order of a person's way. README.md says why. */
export function listRows(doorstep: Doorstep, floor: Floor): Row[] {
  const usual = { callers, isAlone: true, acts: quick };
  // More than this at a time would wait so long for a hash that they are asked to come again.
  const hashed = { callers: 8, isAlone: true, acts: slow };
  const crowded = { callers: null, isAlone: true, acts: { least: 4, most: 200 } };
  return [
    { ...usual, id: 'send', subject: doorstep.send, beside: floor.send, page: 'code' },
    { ...usual, id: 'check', subject: doorstep.check, beside: floor.check },
    { ...usual, id: 'wrong', subject: doorstep.wrongCode, beside: floor.wrongCode },
    { ...usual, id: 'poll', subject: doorstep.statusPoll, beside: floor.session },
    { ...usual, id: 'page', subject: doorstep.codePage, beside: doorstep.emptyPage, page: 'code' },
    { ...usual, id: 'session', subject: doorstep.session, beside: floor.session },
    { ...usual, id: 'dashboard', subject: doorstep.dashboard, beside: doorstep.emptyPage, page: 'dashboard' },
    {
      ...usual,
      id: 'send-script',
      subject: doorstep.sendByScript,
      beside: doorstep.sendAndPage,
      page: 'code',
    },
    {
      ...usual,
      id: 'check-script',
      subject: doorstep.checkByScript,
      beside: doorstep.checkAndPage,
      page: 'code',
    },
    { ...hashed, id: 'sign-in', subject: doorstep.signIn, beside: floor.hash, page: 'login' },
    { ...hashed, id: 'register', subject: doorstep.register, beside: floor.hash, page: 'register' },
    {
      ...crowded,
      id: 'while-sign-in',
      subject: doorstep.dashboardWhileOthersSignIn,
      beside: doorstep.dashboard,
    },
    {
      ...crowded,
      id: 'check-while-sign-in',
      subject: doorstep.checkWhileOthersSignIn,
      beside: doorstep.check,
    },
    { ...usual, id: 'text', subject: doorstep.textAlone, beside: floor.send, callers: null, acts: slow },
    {
      id: 'backlog',
      subject: doorstep.backlog,
      beside: floor.call,
      callers,
      isAlone: false,
      acts: { least: 200, most: 1_500 },
    },
  ];
}
