import assert from "node:assert/strict";
import { test } from "node:test";
import { outcomeOf, pauseMs, retryAfterMs } from "../src/delivery/retry.js";
import { PAUSE_MS_MAX, RETRY_AFTER_MS_MAX } from "../src/limits.js";

test("answers are taken as Segment's table has them", () => {
  const all = [200, 204, 400, 401, 408, 410, 413, 429, 500, 501, 502, 503, 504, 505, 599];
  const by = (outcome: string) => all.filter((status) => outcomeOf(status) === outcome);
  assert.deepEqual(by("delivered"), [200, 204]);
  assert.deepEqual(by("refused"), [400, 401, 501, 505]);
  assert.deepEqual(by("again"), [408, 410, 429, 500, 502, 503, 504, 599]);
  assert.deepEqual(by("smaller"), [413]);
});

test("Retry-After is obeyed up to five minutes, and what is no number of seconds asks for nothing", () => {
  assert.deepEqual(["7", "100000", "0", "", null, "Wed, 21 Oct 2026 07:28:00 GMT"].map(retryAfterMs), [
    7_000,
    RETRY_AFTER_MS_MAX,
    0,
    undefined,
    undefined,
    undefined,
  ]);
});

test("pauses are drawn from nothing up to a bound that doubles and has an end", () => {
  assert.deepEqual(
    [pauseMs(1, 0), pauseMs(1, 0.5), pauseMs(2, 0.5), pauseMs(1_000, 1)],
    [0, 1_000, 2_000, PAUSE_MS_MAX],
  );
});
