/** Why nobody is looked for, and what to enter. */
export const peopleSearchProblems = {
  too_long: 'This is too long. Enter the beginning of a name or email, or a number.',
  part_of_number:
    'This is only a part of a number. Enter all of it, with the + and the country code where it is from another country.',
} as const;
