import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout, without a slash at the end. */
export const projectRoot = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

/** Where everything lives that a start makes and keeps: the database, the secret of localhost. */
export const dataFolder = join(projectRoot, '.data');
