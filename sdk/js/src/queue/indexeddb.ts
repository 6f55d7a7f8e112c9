import { quietly, quietlyLater } from "../quietly.js";
import type { Entry } from "./entry.js";
import type { Layer } from "./layer.js";

const STORE = "touchpoints";

/**
 * The layer that is used when the browser has it. While the database is being opened, or after it was taken away, it
 * keeps nothing and says so. `opened` is called once it can be used.
 */
export function indexedDbLayer(name: string, opened: () => void): Layer {
  let database: IDBDatabase | undefined;
  quietly(() => {
    const opening = indexedDB.open(`tappa:${name}`, 1);
    opening.onupgradeneeded = () => void opening.result.createObjectStore(STORE, { keyPath: "id" });
    opening.onsuccess = () => {
      database = opening.result;
      const gone = () => {
        database?.close();
        database = undefined;
      };
      database.onclose = database.onversionchange = gone;
      opened();
    };
    opening.onerror = (event) => event.preventDefault();
  }, undefined);

  /** Resolves with the result once the transaction is complete, rejects when it is not. */
  function within<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T> | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!database) throw new Error("no database");
      const transaction = database.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request?.result as T);
      transaction.onabort = () => reject(transaction.error);
      // sent to the browser at once, not after its answer: a page that dies in between has kept it
      if (mode === "readwrite") quietly(() => transaction.commit(), undefined);
    });
  }

  const all = () => quietlyLater(() => within("readonly", (store) => store.getAll() as IDBRequest<Entry[]>), []);
  return {
    lasting: true,
    add: (entries) =>
      quietlyLater(async () => {
        await within("readwrite", (store) => {
          for (const entry of entries) store.put(entry);
          return undefined;
        });
        return true;
      }, false),
    oldest: (count) =>
      quietlyLater(() => within("readonly", (store) => store.getAll(null, count) as IDBRequest<Entry[]>), []),
    remove: (ids) =>
      quietlyLater(
        () =>
          within<void>("readwrite", (store) => {
            for (const id of ids) store.delete(id);
            return undefined;
          }),
        undefined,
      ),
    sizes: all,
  };
}
