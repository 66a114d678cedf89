/**
 * What a table says about a name in a row; undefined where it says nothing. A row may hold any name, of an
 * earlier version too, and some names (`constructor`) every object has something for.
 */
export function lookUp<Value>(
  table: Readonly<Record<string, Value>>,
  name: string | null | undefined,
): Value | undefined {
  return name != null && Object.hasOwn(table, name) ? table[name] : undefined;
}
