const COUNTER_MAX = 0xfff;

let newestMs = 0;
let counter = 0;

/**
 * A UUID of version 7 (RFC 9562): random, and sorted by time. Those of one page and millisecond are sorted by a counter,
 * so that touchpoints that are told in one breath keep their order.
 */
export function uuid7(nowMs: number): string {
  // times from before, of calls that are made up for, go on counting
  counter = nowMs > newestMs ? 0 : (counter + 1) & COUNTER_MAX;
  newestMs = Math.max(newestMs, nowMs);
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  const time = Math.max(0, nowMs).toString(16).padStart(12, "0").slice(-12);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x80;
  const hex = hexOf(bytes);
  const count = counter.toString(16).padStart(3, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${hex.slice(0, 4)}-${hex.slice(4, 16)}`;
}

/** A random UUID (version 4). `crypto.randomUUID` is there on secure pages only. */
export function uuid4(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = hexOf(bytes);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function hexOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
