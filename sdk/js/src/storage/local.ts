import { quietly } from "../quietly.js";

/** `localStorage` where the visitor allows it and it has room; nothing here ever throws. */
export const local = {
  read: (key: string): string | null => quietly(() => localStorage.getItem(key), null),

  /** False when it was not stored. */
  write: (key: string, value: string): boolean =>
    quietly(() => {
      localStorage.setItem(key, value);
      return true;
    }, false),

  remove: (key: string): void => quietly(() => localStorage.removeItem(key), undefined),

  keys: (prefix: string): string[] =>
    quietly(() => Object.keys(localStorage).filter((key) => key.startsWith(prefix)), []),
};
