import assert from "node:assert/strict";
import { test } from "node:test";
import { sorted } from "../src/arguments.js";
import tappa, { init, track } from "../src/index.js";

const callback = () => undefined;

test("arguments may be left out as in analytics.js, and null holds a place", () => {
  const cases: [unknown[], number, unknown[]][] = [
    [["Seen", { a: 1 }, { context: {} }, callback], 1, [["Seen"], { a: 1 }, { context: {} }, callback]],
    [["Seen", null, { messageId: "m" }], 1, [["Seen"], {}, { messageId: "m" }, undefined]],
    [["Seen", callback], 1, [["Seen"], {}, {}, callback]],
    [["Shop", "Home", { a: 1 }], 2, [["Shop", "Home"], { a: 1 }, {}, undefined]],
    [["Home", { a: 1 }, { messageId: "m" }], 2, [["Home"], { a: 1 }, { messageId: "m" }, undefined]],
    [[{ a: 1 }, callback], 2, [[], { a: 1 }, {}, callback]],
    [[42, { name: "Ann" }], 1, [["42"], { name: "Ann" }, {}, undefined]],
    [[null, { name: "Ann" }], 1, [[undefined], { name: "Ann" }, {}, undefined]],
  ];
  for (const [given, names, expected] of cases) {
    const { names: found, fields, options, callback: called } = sorted(given, names);
    assert.deepEqual([found, fields, options, called], expected);
  }
});

test("outside of a browser nothing happens, and nothing is thrown", async () => {
  init({ writeKey: "k", host: "https://touch.example" });
  assert.equal(await track("Seen"), undefined);
  assert.equal(await tappa.flush(), false);
  assert.equal(tappa.user().anonymousId(), null);
});

test("types of e-commerce events are checked", () => {
  // @ts-expect-error: a price is a number
  void track("Product Viewed", { price: "12" });
  void track("Product Viewed", { price: 12, own: "field" });
  void track("Something else", { price: "12" });
});
