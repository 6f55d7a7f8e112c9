import assert from "node:assert/strict";
import { test } from "node:test";
import { arrival, campaignKey, says } from "../src/context/arrival.js";
import { sessionAt } from "../src/context/session.js";
import { SESSION_IDLE_MS } from "../src/limits.js";

test("an address says campaign and click ids under Segment's names", () => {
  assert.deepEqual(
    arrival(
      "https://shop.example/?utm_source=google&utm_campaign=spring&utm_id=7&gclid=abc&q=1",
      "https://www.google.com/",
    ),
    {
      campaign: { source: "google", name: "spring", id: "7" },
      clickIds: { gclid: "abc" },
      referrer: "https://www.google.com/",
    },
  );
});

test("who only goes on within the site has not arrived", () => {
  assert.equal(says(arrival("https://shop.example/cart", "https://www.shop.example/")), false);
  assert.equal(says(arrival("https://shop.example/cart?utm_source=", "")), false);
});

test("a session ends after half an hour of silence or with a new campaign, and not with a clock set back", () => {
  const first = sessionAt(null, 1_000_000, "");
  const on = sessionAt(first, 1_000_000 + SESSION_IDLE_MS, "");
  const idle = sessionAt(on, on.lastAt + SESSION_IDLE_MS + 1, "");
  const campaign = sessionAt(idle, idle.lastAt, "spring");
  const same = sessionAt(campaign, campaign.lastAt - 7_200_000, "spring");
  assert.deepEqual(
    [first, on, idle, campaign, same].map(({ number }) => number),
    [1, 1, 2, 3, 3],
  );
  assert.notEqual(idle.id, first.id);
  assert.equal(same.id, campaign.id);
});

test("another click id is another campaign", () => {
  const key = (query: string) => campaignKey(arrival(`https://shop.example/?${query}`, ""));
  assert.equal(key("q=1"), "");
  assert.notEqual(key("gclid=a"), key("gclid=b"));
  assert.equal(key("gclid=a&q=1"), key("gclid=a"));
});
