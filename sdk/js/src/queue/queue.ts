import { ADDITIONS_UNCHECKED_MAX } from "../limits.js";
import { type Bounds, type Entry, type Loss, surplus } from "./entry.js";
import { indexedDbLayer } from "./indexeddb.js";
import type { Layer } from "./layer.js";
import { localStorageLayer } from "./localstorage.js";
import { memoryLayer } from "./memory.js";

/**
 * What waits to be sent, by this tab and by others of the site, now and on pages before. Entries go to the first layer
 * that takes them: IndexedDB, else `localStorage`, else memory. It never rejects.
 */
export class Queue {
  private readonly layers: readonly Layer[];
  private unchecked = 0;

  /** `name` is of the host that entries are sent to; `lost` is told what the bounds took, `opened` when more can be read. */
  constructor(
    name: string,
    private readonly bounds: Bounds,
    private readonly lost: (why: Loss, count: number) => void,
    opened: () => void,
  ) {
    const ready = () => void this.check().then(opened);
    this.layers = [indexedDbLayer(name, ready), localStorageLayer(name), memoryLayer()];
  }

  /** Resolves once they are kept: true when they outlast the page. */
  async add(entries: readonly Entry[]): Promise<boolean> {
    this.unchecked += entries.length;
    let lasting = false;
    for (const layer of this.layers) {
      if (await layer.add(entries)) {
        lasting = layer.lasting;
        break;
      }
    }
    if (this.unchecked >= ADDITIONS_UNCHECKED_MAX) await this.check();
    return lasting;
  }

  /**
   * Into the first layer, which alone survives a crash of the whole browser, whatever others took before it was there. Not
   * while anything of it is being sent.
   */
  async gather(): Promise<void> {
    const [first, ...others] = this.layers;
    for (const layer of others) {
      const entries = await layer.oldest(Number.POSITIVE_INFINITY);
      if (entries.length && (await first?.add(entries))) await layer.remove(entries.map(({ id }) => id));
    }
  }

  /** The oldest: at least one if there is any, and as many as are within `count` and `bytes` and have one key. */
  async oldest(count: number, bytes: number): Promise<Entry[]> {
    const found = (await Promise.all(this.layers.map((layer) => layer.oldest(count)))).flat();
    const entries = found.sort((one, other) => (one.id < other.id ? -1 : 1)).slice(0, count);
    let room = bytes;
    const end = entries.findIndex((entry, index) => {
      room -= entry.bytes + 1;
      return index > 0 && (room < 0 || entry.key !== entries[0]?.key);
    });
    return end < 0 ? entries : entries.slice(0, end);
  }

  async remove(ids: readonly string[]): Promise<void> {
    await Promise.all(this.layers.map((layer) => layer.remove(ids)));
  }

  /** Everything, gone. */
  async clear(): Promise<void> {
    for (const layer of this.layers) await layer.remove((await layer.sizes()).map(({ id }) => id));
  }

  /** Holds the queue to its bounds. */
  private async check(): Promise<void> {
    this.unchecked = 0;
    for (const layer of this.layers) {
      const { full, old } = surplus(await layer.sizes(), this.bounds, Date.now());
      if (full.length) this.lost("full", full.length);
      if (old.length) this.lost("old", old.length);
      if (full.length + old.length) await layer.remove([...full, ...old]);
    }
  }
}
