/** A message on its way. */
export interface Entry {
  /** Sorted by time; the queue's own, not the message's. */
  id: string;
  /** The message as JSON, without its context. */
  body: string;
  /** Its context as JSON: the same text for most messages of a page, so that a batch can say it once. */
  context: string;
  /** UTF-8 bytes of both. */
  bytes: number;
  /** Milliseconds since 1970 at which it was queued. */
  at: number;
  /** The write key that it is sent with. */
  key: string;
}

/** How much the queue may hold. */
export interface Bounds {
  /** Messages. */
  count: number;
  bytes: number;
  /** Milliseconds. */
  age: number;
}

/** Of an entry, what bounds are about. */
export type Size = Pick<Entry, "id" | "bytes" | "at">;

/** Why something was not sent. */
export type Loss =
  /** The queue was full, and it was the oldest. */
  | "full"
  /** It had waited too long. */
  | "old"
  /** The message is larger than ingest takes. */
  | "large"
  /** It cannot be written as JSON. */
  | "invalid"
  /** Ingest refused it for good. */
  | "refused"
  /** Called without consent, or too much was held before it. */
  | "consent";

/** The oldest entries that are too many, and those that are too old. `sizes` are sorted by age, the oldest first. */
export function surplus(sizes: readonly Size[], bounds: Bounds, now: number): { full: string[]; old: string[] } {
  const old = sizes.filter(({ at }) => now - at > bounds.age);
  const rest = sizes.filter(({ at }) => now - at <= bounds.age);
  let bytes = rest.reduce((sum, size) => sum + size.bytes, 0);
  let gone = 0;
  while (rest.length - gone > bounds.count || bytes > bounds.bytes) bytes -= rest[gone++]?.bytes ?? bytes;
  return { full: rest.slice(0, gone).map(({ id }) => id), old: old.map(({ id }) => id) };
}

/** Bytes that a text is in UTF-8. */
export function utf8Bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
