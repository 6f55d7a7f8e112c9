import type { Entry, Size } from "./entry.js";

/** A place where entries are kept. No method ever rejects: a layer that cannot do it says so, or has nothing. */
export interface Layer {
  /** Whether entries outlast the page here. */
  readonly lasting: boolean;
  /** True once all are kept, so that they survive what the layer survives; false when none was. */
  add(entries: readonly Entry[]): Promise<boolean>;
  /** The oldest, at most so many. */
  oldest(count: number): Promise<Entry[]>;
  remove(ids: readonly string[]): Promise<void>;
  /** Of all entries, the oldest first. */
  sizes(): Promise<Size[]>;
}
