import assert from "node:assert/strict";
import { test } from "node:test";
import { parcels } from "../src/delivery/exit.js";
import { bodyOf } from "../src/delivery/request.js";
import { uuid4, uuid7 } from "../src/ids.js";
import { EXIT_BYTES_MAX } from "../src/limits.js";
import { type Entry, surplus } from "../src/queue/entry.js";

const entry = (id: string, bytes = 10, at = 1_000, key = "k", context = "{}"): Entry => {
  return { id, body: "{}", context, bytes, at, key };
};

test("a full queue loses its oldest, by number and by bytes", () => {
  const sizes = [entry("a", 50), entry("b", 30), entry("c", 30), entry("d", 30)];
  assert.deepEqual(surplus(sizes, { count: 3, bytes: 1_000, age: 10 }, 1_000), { full: ["a"], old: [] });
  assert.deepEqual(surplus(sizes, { count: 9, bytes: 60, age: 10 }, 1_000), { full: ["a", "b"], old: [] });
  assert.deepEqual(surplus(sizes, { count: 0, bytes: 60, age: 10 }, 1_000).full, ["a", "b", "c", "d"]);
});

test("what has waited too long goes, and makes room for the rest", () => {
  const sizes = [entry("a", 50, 0), entry("b", 50, 990)];
  assert.deepEqual(surplus(sizes, { count: 1, bytes: 50, age: 100 }, 1_000), { full: [], old: ["a"] });
});

test("parcels for the end of a page have one key and context each and fit what a browser sends then", () => {
  const some = [entry("a", 40_000), entry("b", 40_000), entry("c", 10), entry("d", 10, 1_000, "other")];
  const elsewhere = entry("e", 10, 1_000, "other", '{"page":{}}');
  const made = parcels([...some, elsewhere]);
  assert.deepEqual(
    made.map((parcel) => parcel.map(({ id }) => id)),
    [["a"], ["b", "c"], ["d"], ["e"]],
  );
  assert.ok(made.every((parcel) => parcel.reduce((sum, { bytes }) => sum + bytes, 0) < EXIT_BYTES_MAX));
});

test("ids have the form of UUIDs, and those of version 7 are sorted by their time", () => {
  assert.match(uuid4(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.match(uuid7(1_700_000_000_000), /^018bcfe5-6800-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.ok(uuid7(1_700_000_000_000) < uuid7(1_700_000_000_001));
  const breath = Array.from({ length: 1_000 }, () => uuid7(1_700_000_000_002));
  assert.deepEqual(breath, [...breath].sort());
  const earlier = [1_700_000_000_004, 1_700_000_000_003, 1_700_000_000_004].map(uuid7);
  assert.ok((earlier[0] ?? "") < (earlier[2] ?? ""));
});

test("a context that all messages of a batch have is said once, other ones with each message", () => {
  const one = { ...entry("a"), body: '{"n":1}', context: '{"c":1}' };
  const same = { ...one, body: '{"n":2}' };
  const other = { ...one, context: '{"d":1}' };
  const envelope = { writeKey: "k", sentAt: "1970-01-01T00:00:00.000Z" };
  assert.deepEqual(JSON.parse(bodyOf([one, same], 0)), { batch: [{ n: 1 }, { n: 2 }], context: { c: 1 }, ...envelope });
  assert.deepEqual(JSON.parse(bodyOf([one, other], 0)), {
    batch: [
      { n: 1, context: { c: 1 } },
      { n: 1, context: { d: 1 } },
    ],
    ...envelope,
  });
});
