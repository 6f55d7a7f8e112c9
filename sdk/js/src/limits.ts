/** Everything has a limit. Those that a page may want otherwise are options of `init`; the rest is here, with its reason. */

/** Largest message: what ingest takes (32,000 bytes), less what the envelope adds. */
export const MESSAGE_BYTES_MAX = 31_500;

/** Largest body sent in the course of a visit: small enough for a slow line, far below the 500 KB that ingest takes. */
export const BATCH_BYTES_MAX = 100_000;

/** Most messages in one body. */
export const BATCH_MESSAGES_MAX = 200;

/** Bytes that a browser sends for a page that has gone: 64 KiB for all of its requests, with room for headers. */
export const EXIT_BYTES_MAX = 60_000;

/** Longest pause that a server may ask for; one that asks for more is asked again after this. */
export const RETRY_AFTER_MS_MAX = 300_000;

/** Longest pause between tries of our own accord. */
export const PAUSE_MS_MAX = 60_000;

/** First pause; each failure doubles what the pause is drawn from. */
export const PAUSE_MS = 1_000;

/** A visit to the site ends after this time without a touchpoint. */
export const SESSION_IDLE_MS = 1_800_000;

/** That a visit goes on is taken down once in so long: storing it is dear. */
export const SESSION_STEP_MS = 1_000;

/** Calls that wait for `init` or for consent: more than any page makes before its visitor has answered. */
export const HELD_MAX = 100;

/** After so many additions to the queue its bounds are looked at again. */
export const ADDITIONS_UNCHECKED_MAX = 50;

/** How long a cookie of ours lasts: the most that browsers allow is 400 days. */
export const COOKIE_DAYS = 365;

/** How long a tab leaves it to another one to send what that has queued. */
export const LOOK_AFTER_MS = 5_000;
