import { PAUSE_MS, PAUSE_MS_MAX, RETRY_AFTER_MS_MAX } from "../limits.js";

/** What becomes of a batch by the answer to it. */
export type Outcome = "delivered" | "again" | "smaller" | "refused";

/** Segment's table: 408, 410, 429 and 5xx except 501 and 505 are tried again, other refusals are final. */
export function outcomeOf(status: number): Outcome {
  if (status >= 200 && status < 300) return "delivered";
  if (status === 413) return "smaller";
  const again = [408, 410, 429].includes(status) || (status >= 500 && status !== 501 && status !== 505);
  return again ? "again" : "refused";
}

/** Milliseconds that the header asks for, in whole seconds as ingest says it; `undefined` when it asks for nothing. */
export function retryAfterMs(header: string | null): number | undefined {
  if (!header || !/^\d+$/.test(header)) return undefined;
  return Math.min(Number(header) * 1_000, RETRY_AFTER_MS_MAX);
}

/** The pause after so many failures in a row (1 for the first), with full jitter; `random` is in [0, 1). */
export function pauseMs(failures: number, random: number): number {
  return random * Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** Math.min(failures, 20));
}
