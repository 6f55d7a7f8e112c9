import type { Entry, Size } from "./entry.js";
import type { Layer } from "./layer.js";

/** The last resort: entries live as long as the page. */
export function memoryLayer(): Layer {
  const kept = new Map<string, Entry>();
  return {
    lasting: false,
    async add(entries) {
      for (const entry of entries) kept.set(entry.id, entry);
      return true;
    },
    oldest: async (count) => [...kept.values()].slice(0, count),
    async remove(ids) {
      for (const id of ids) kept.delete(id);
    },
    sizes: async (): Promise<Size[]> => [...kept.values()],
  };
}
