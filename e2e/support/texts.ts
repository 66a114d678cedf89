import { readFileSync } from 'node:fs';
import { expect } from 'playwright/test';
import { readRun } from './run';

export type PrintedText = { purpose: string; body: string };

/** The texts to a number that the app has printed so far, oldest first. */
export function readTexts(phone: string): PrintedText[] {
  const texts: PrintedText[] = [];
  for (const line of readFileSync(readRun().serverLog, 'utf8').split('\n')) {
    const match = /^\[sms\] to=(\+\d+) purpose=(\w+) body=(".*")$/.exec(line);
    if (match?.[1] === phone) texts.push({ purpose: match[2]!, body: JSON.parse(match[3]!) as string });
  }
  return texts;
}

/** Waits until at least so many texts went to a number, and answers them. */
export async function awaitTexts(phone: string, count: number): Promise<PrintedText[]> {
  await expect
    .poll(() => readTexts(phone).length, { message: `texts to ${phone}`, intervals: [50, 100, 200] })
    .toBeGreaterThanOrEqual(count);
  return readTexts(phone);
}

/** The code in the nth text to a number (the first unless said otherwise), as a person reads it off the phone. */
export async function readCode(phone: string, nth = 1): Promise<string> {
  const text = (await awaitTexts(phone, nth))[nth - 1]!;
  const codes = text.body.split('\n')[0]!.match(/(?<!\d)\d{6}(?!\d)/g) ?? [];
  expect(codes, `the one code in the first line of ${JSON.stringify(text.body)}`).toHaveLength(1);
  return codes[0]!;
}

/** A code that is certainly another one; different `step`s give different codes. */
export function wrongCode(code: string, step = 1): string {
  return String((Number(code) + step) % 1_000_000).padStart(6, '0');
}
