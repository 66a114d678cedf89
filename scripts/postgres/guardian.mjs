// Outlives the process that started a throw-away PostgreSQL: when our standard input closes, that process is gone,
// however it ended, and the server must go too.
import { existsSync, rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const [pidText = '', home = ''] = process.argv.slice(2);
const pid = Number(pidText);

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
process.stdin.resume();
process.stdin.once('close', () => void clear());

async function clear() {
  // After an orderly stop the folder is gone, and the process id may already be another program's.
  if (!existsSync(home)) return;
  try {
    process.kill(pid, 'SIGQUIT');
    for (let tries = 0; tries < 250; tries += 1) {
      process.kill(pid, 0);
      await delay(20);
    }
  } catch {
    // It is gone.
  }
  rmSync(home, { recursive: true, force: true });
}
