const drawings = new Map<string, Promise<Buffer<ArrayBuffer>>>();

/** A PNG that follows the settings alone, and so is drawn once in a process. One that could not be drawn is tried again. */
export function drawOnce(name: string, draw: () => Response): Promise<Buffer<ArrayBuffer>> {
  const known = drawings.get(name);
  if (known) return known;
  const drawing = draw()
    .arrayBuffer()
    .then((bytes) => Buffer.from(bytes));
  drawings.set(name, drawing);
  drawing.catch(() => drawings.delete(name));
  return drawing;
}
