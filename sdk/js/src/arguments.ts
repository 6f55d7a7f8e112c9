import type { Callback, CallOptions, Fields } from "./messages.js";

/** A call's arguments, in their places. */
export interface Sorted {
  names: (string | undefined)[];
  /** Properties or traits. */
  fields: Fields;
  options: CallOptions;
  callback: Callback | undefined;
}

/**
 * Sorts arguments as analytics.js does: up to `namesMax` texts or numbers come first (null and undefined hold a place),
 * then an object about the event or the person, then one of options; the first function is the callback. Any may be left
 * out.
 */
export function sorted(given: readonly unknown[], namesMax: number): Sorted {
  const callback = given.find((one) => typeof one === "function") as Callback | undefined;
  const rest = given.filter((one) => typeof one !== "function");
  const names: (string | undefined)[] = [];
  while (rest.length && names.length < namesMax && (typeof rest[0] !== "object" || rest[0] === null)) {
    const name = rest.shift();
    names.push(name === null || name === undefined ? undefined : String(name));
  }
  return { names, fields: object(rest[0]), options: object(rest[1]), callback };
}

function object(given: unknown): Fields {
  return typeof given === "object" && given !== null ? (given as Fields) : {};
}
