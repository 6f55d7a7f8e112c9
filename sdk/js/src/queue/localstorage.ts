import { local } from "../storage/local.js";
import type { Entry } from "./entry.js";
import type { Layer } from "./layer.js";

/** Each entry under a key of its own, so that tabs do not overwrite each other's. Kept when `add` returns. */
export function localStorageLayer(name: string): Layer {
  const prefix = `tappa_queue:${name}:`;
  const read = (key: string): Entry[] => {
    try {
      return [JSON.parse(local.read(key) ?? "") as Entry];
    } catch {
      return []; // another tab has just removed it
    }
  };
  const keys = () => local.keys(prefix).sort();
  const remove = (ids: readonly string[]) => {
    for (const id of ids) local.remove(prefix + id);
  };
  return {
    lasting: true,
    async add(entries) {
      const added: string[] = [];
      for (const entry of entries) {
        if (!local.write(prefix + entry.id, JSON.stringify(entry))) {
          remove(added);
          return false;
        }
        added.push(entry.id);
      }
      return true;
    },
    oldest: async (count) => keys().slice(0, count).flatMap(read),
    remove: async (ids) => remove(ids),
    sizes: async () => keys().flatMap(read),
  };
}
