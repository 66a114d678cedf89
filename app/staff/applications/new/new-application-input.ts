import { z } from 'zod';
import { lineInput, titleInput } from '@/app/applications/application-input';
import { applicationLimits } from '@/lib/applications/application';
import { writtenText } from '../typed';

/** An application that is opened for someone: its title is read as one that its applicant writes. */
export const newApplicationInput = z.object({
  name: lineInput('The name', applicationLimits.name, 'Enter the name of the applicant.'),
  title: titleInput,
  message: writtenText('The message', applicationLimits.message, 'Enter what they said or wrote.'),
});
