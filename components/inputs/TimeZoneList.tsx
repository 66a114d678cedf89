/** The time zones that a text field may offer: its `list` names this one's `id`. */
export function TimeZoneList({
  id,
  zones,
}: {
  id: string;
  zones: readonly { zone: string; words: string }[];
}) {
  return (
    <datalist id={id}>
      {zones.map(({ zone, words }) => (
        <option key={zone} value={zone}>
          {words}
        </option>
      ))}
    </datalist>
  );
}
