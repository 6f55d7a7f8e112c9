import { uuid4 } from "../ids.js";
import { SESSION_IDLE_MS } from "../limits.js";

/** A visit to the site: it ends after half an hour without a touchpoint, or when a new campaign begins. */
export interface Session {
  id: string;
  /** 1 for the first of this browser. */
  number: number;
  /** Milliseconds since 1970, as `lastAt`. */
  startedAt: number;
  lastAt: number;
  /** The campaign that it began with; see `campaignKey`. */
  campaign: string;
}

/** The session of a touchpoint at `now`: the one before, gone on, or the next. A clock that was set back ends none. */
export function sessionAt(before: Session | null, now: number, campaign: string): Session {
  const over = !before || now - before.lastAt > SESSION_IDLE_MS || (campaign !== "" && campaign !== before.campaign);
  if (!over) return { ...before, lastAt: now };
  return { id: uuid4(), number: (before?.number ?? 0) + 1, startedAt: now, lastAt: now, campaign };
}
