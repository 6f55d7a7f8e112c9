import type { Entry } from "../queue/entry.js";
import { quietlyLater } from "../quietly.js";
import { type Outcome, outcomeOf, retryAfterMs } from "./retry.js";

/** What has come of sending a batch. */
export interface Answer {
  outcome: Outcome;
  /** Whether anybody answered. */
  answered: boolean;
  retryAfter?: number | undefined;
  /** Items that ingest has refused, one by one, with its reasons; the others of the batch are accepted. */
  rejected: { message_id?: string; code?: string }[];
}

const SILENCE: Answer = { outcome: "again", answered: false, rejected: [] };

/** The body of a batch. All entries have one write key; a context that all have is said once, for the whole batch. */
export function bodyOf(entries: readonly Entry[], now: number): string {
  const { key, context } = entries[0] as Entry;
  const one = entries.every((entry) => entry.context === context);
  const messages = one ? entries.map(({ body }) => body) : entries.map(withContext);
  const rest = `"writeKey":${JSON.stringify(key)},"sentAt":"${new Date(now).toISOString()}"`;
  return `{"batch":[${messages.join()}],${one ? `"context":${context},` : ""}${rest}}`;
}

function withContext({ body, context }: Entry): string {
  return `${body.slice(0, -1)},"context":${context}}`;
}

/**
 * Sends a body and says what came of it; it never rejects. The request is simple in the sense of CORS (plain text, the
 * write key inside), so no preflight goes before it, which the end of a page would cut off.
 */
export async function post(url: string, body: string, timeoutMs: number, keepalive: boolean): Promise<Answer> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  try {
    const response = await fetch(url, {
      method: "POST",
      body,
      keepalive,
      headers: { "content-type": "text/plain" },
      credentials: "omit",
      cache: "no-store",
      signal: abort.signal,
    });
    const outcome = outcomeOf(response.status);
    const retryAfter = retryAfterMs(response.headers.get("retry-after"));
    if (outcome !== "delivered") return { outcome, answered: true, retryAfter, rejected: [] };
    const said = await quietlyLater(() => response.json() as Promise<{ success?: boolean; rejected?: [] }>, {});
    // the sign-in page of a hotel's network is a 200, too
    return said?.success === true ? { outcome, answered: true, rejected: said.rejected ?? [] } : SILENCE;
  } catch {
    return SILENCE;
  } finally {
    clearTimeout(timer);
  }
}

/** Hands a body to the browser, which sends it when the page is gone; false when it does not take it. */
export function beacon(url: string, body: string): boolean {
  return navigator.sendBeacon?.(url, new Blob([body], { type: "text/plain" })) ?? false;
}
