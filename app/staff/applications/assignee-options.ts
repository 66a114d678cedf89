import { sayRole } from '@/app/admin/users/person-words';
import type { SelectOption } from '@/components/inputs/Select';
import type { Assignable } from '@/lib/reporting/applications-list';

const shownRoles = ['broker', 'staff', 'admin'] as const;

/** The operator's people to choose from, by role. */
export function groupAssignable(people: readonly Assignable[]): { label: string; options: SelectOption[] }[] {
  return shownRoles.flatMap((role) => {
    const options = people.flatMap(({ id, name, role: theirs }) =>
      theirs === role ? [{ value: id, label: name }] : [],
    );
    return options.length === 0 ? [] : [{ label: sayRole(role), options }];
  });
}
