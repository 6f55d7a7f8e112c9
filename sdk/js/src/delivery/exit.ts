import { EXIT_BYTES_MAX } from "../limits.js";
import { type Entry, utf8Bytes } from "../queue/entry.js";

const ENVELOPE_BYTES = 300;

/**
 * Entries in parcels small enough for what a browser sends after the end of a page. Those of a parcel have one write key
 * and one context, which is said once: so more of them fit.
 */
export function parcels(entries: readonly Entry[]): Entry[][] {
  const made: Entry[][] = [];
  let room = 0;
  for (const entry of entries) {
    const first = made[made.length - 1]?.[0];
    const contextBytes = first ? utf8Bytes(first.context) : 0;
    room -= entry.bytes + 1 - contextBytes;
    if (first && room >= 0 && first.key === entry.key && first.context === entry.context) {
      made[made.length - 1]?.push(entry);
    } else {
      made.push([entry]);
      room = EXIT_BYTES_MAX - ENVELOPE_BYTES - entry.bytes;
    }
  }
  return made;
}
