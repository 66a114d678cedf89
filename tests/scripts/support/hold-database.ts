import { startThrowawayDatabase } from '../../../scripts/postgres/throwaway';
import { useEmbeddedDatabase } from '../../../scripts/postgres/embedded';

/** Run as a program of its own, to be killed: starts a database, tells its parent, and holds it until SIGTERM. */
async function holdDatabase(kind: string | undefined, dataFolder = ''): Promise<void> {
  if (kind === 'throwaway') {
    const { url, pid } = await startThrowawayDatabase();
    process.send?.({ url, pid });
  } else {
    const database = await useEmbeddedDatabase(dataFolder, () => undefined);
    process.on('SIGTERM', () => void database.release().then(() => process.exit(0)));
    process.send?.({ url: database.ownerUrl });
  }
  setInterval(() => undefined, 2 ** 30);
}

await holdDatabase(process.argv[2], process.argv[3]);
