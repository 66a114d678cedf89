/** The time zones that a text field may offer: its `list` names this one's `id`. */
export function TimeZoneList({
  id,
  zones,
}: {
  id: string;
  zones: readonly { name: string; words: string }[];
}) {
  return (
    <datalist id={id}>
      {zones.map(({ name, words }) => (
        <option key={name} value={name}>
          {words}
        </option>
      ))}
    </datalist>
  );
}
