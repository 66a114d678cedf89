import { z } from 'zod';
import { roles } from './person-words';

/** The role that a form gives. */
export const chosenRole = z.enum(
  roles.map(({ value }) => value),
  { error: 'Choose a role.' },
);
