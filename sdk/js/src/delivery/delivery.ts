import { BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, LOOK_AFTER_MS } from "../limits.js";
import type { Entry, Loss } from "../queue/entry.js";
import type { Queue } from "../queue/queue.js";
import { quietlyLater, tell } from "../quietly.js";
import { parcels } from "./exit.js";
import { type Answer, beacon, bodyOf, post } from "./request.js";
import { Tabs } from "./tabs.js";
import { inTurn } from "./turns.js";
import { Wait } from "./wait.js";

/** How things are sent. */
export interface DeliveryOptions {
  /** The address that batches are posted to. */
  url: string;
  /** What tabs that send to the same place have in common. */
  name: string;
  /** How long messages are collected before they are sent. */
  flushAfterMs: number;
  timeoutMs: number;
}

/**
 * Brings what is queued to ingest: in the course of the visit by turns of the tabs, at its end each tab its own. What is
 * not known to be delivered stays in the queue and is sent again.
 */
export class Delivery {
  /** What this tab has queued and does not know to be delivered: the value is whether it outlasts the page. */
  private readonly open = new Map<string, { entry: Entry; lasting: boolean }>();
  /** What is being sent just now, in a request that ends with the page. */
  private carried: ReadonlySet<string> = new Set();
  /** What the browser was handed when the page was about to go, and has not answered. */
  private readonly left = new Set<string>();
  private readonly wait: Wait;
  private readonly tabs: Tabs;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private timerAt = Infinity;
  private running: Promise<void> = Promise.resolve();
  private next: Promise<void> | undefined;
  private fresh: Entry[] = [];
  private keeping: Promise<void> | undefined;
  private messagesMax = BATCH_MESSAGES_MAX;

  constructor(
    private readonly options: DeliveryOptions,
    private readonly queue: Queue,
    private readonly lost: (why: Loss, count: number) => void,
  ) {
    this.wait = new Wait(options.name);
    this.tabs = new Tabs(options.name, (ids) => {
      this.forget(ids);
      // whoever has something may be gone before it is sent
      if (!ids.length) this.drainIn(LOOK_AFTER_MS);
    });
  }

  /** Resolves once the entry is kept. It is sent within `flushAfterMs` of that when ingest can be reached. */
  add(entry: Entry): Promise<void> {
    this.open.set(entry.id, { entry, lasting: false });
    this.fresh.push(entry);
    // what a page tells in one go is kept in one go
    this.keeping ??= Promise.resolve().then(() => this.keep());
    return this.keeping;
  }

  /** Sends now, unless ingest has asked to wait. True when nothing of this tab is left to be sent. */
  async flush(): Promise<boolean> {
    if (!this.wait.told(Date.now())) this.wait.over();
    await this.drain();
    return this.open.size === 0;
  }

  /** Sends what is there, in due time. */
  drainIn(ms: number): void {
    const at = Date.now() + ms;
    if (this.timer !== undefined && this.timerAt <= at) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.drain();
    }, ms);
  }

  /** There is a network again. */
  online(): void {
    if (!this.wait.told(Date.now())) this.wait.over();
    this.drainIn(0);
  }

  /**
   * The page may be gone in a moment. What is not known to be delivered is handed to the browser, as far as it takes it;
   * what it does not take waits in the queue for the next page. `gone`: requests under way end with the page.
   */
  leave(gone: boolean): void {
    const now = Date.now();
    const told = this.wait.told(now);
    const entries = [...this.open.values()]
      // whoever was told to wait sends only what would be lost otherwise
      .filter(({ entry, lasting }) => !this.left.has(entry.id) && !(told && lasting))
      .map(({ entry }) => entry)
      .filter(({ id }) => gone || !this.carried.has(id));
    if (navigator.onLine === false) return;
    for (const [index, parcel] of parcels(entries).entries()) {
      const ids = parcel.map(({ id }) => id);
      const body = bodyOf(parcel, now);
      if (index === 0) {
        void post(this.options.url, body, this.options.timeoutMs, true).then((answer) => this.returned(ids, answer));
      } else if (!beacon(this.options.url, body)) {
        break;
      }
      for (const id of ids) this.left.add(id);
    }
  }

  /** Nothing of what waits is to be sent any more. */
  async abandon(): Promise<void> {
    this.open.clear();
    await this.queue.clear();
  }

  private async returned(ids: readonly string[], { outcome }: Answer): Promise<void> {
    for (const id of ids) this.left.delete(id);
    if (outcome === "delivered") await this.settle(ids);
    else this.drainIn(this.options.flushAfterMs);
  }

  private async keep(): Promise<void> {
    const entries = this.fresh;
    this.fresh = [];
    this.keeping = undefined;
    const lasting = await this.queue.add(entries);
    const faster: string[] = [];
    for (const { id } of entries) {
      const one = this.open.get(id);
      if (one) one.lasting = lasting;
      else faster.push(id); // handed to the browser and delivered meanwhile
    }
    if (faster.length) await this.queue.remove(faster);
    this.tabs.tell([]);
    this.drainIn(this.options.flushAfterMs);
  }

  /** One run at a time, and one more for those who ask while it goes on: it may have looked before they had something. */
  private drain(): Promise<void> {
    this.next ??= this.running.then(() => {
      this.next = undefined;
      this.running = quietlyLater(() => inTurn(this.options.name, () => this.work()), undefined);
      return this.running;
    });
    return this.next;
  }

  private async work(): Promise<void> {
    await this.queue.gather();
    for (;;) {
      if (navigator.onLine === false) return; // the event of coming back wakes us
      const pause = this.wait.left(Date.now());
      if (pause) return this.drainIn(pause);
      const entries = await this.queue.oldest(this.messagesMax, BATCH_BYTES_MAX);
      if (!entries.length) return;
      const ids = entries.map(({ id }) => id);
      this.carried = new Set(ids);
      const answer = await post(this.options.url, bodyOf(entries, Date.now()), this.options.timeoutMs, false);
      this.carried = new Set();
      await this.take(answer, ids);
    }
  }

  private async take(answer: Answer, ids: readonly string[]): Promise<void> {
    const { outcome, answered, retryAfter, rejected } = answer;
    if (outcome === "again") {
      this.wait.failed(Date.now(), answered, retryAfter);
      return;
    }
    this.wait.over();
    if (outcome === "smaller" && ids.length > 1) {
      this.messagesMax = Math.ceil(ids.length / 2);
      return;
    }
    this.messagesMax = BATCH_MESSAGES_MAX;
    const refused = outcome === "delivered" ? rejected.length : ids.length;
    if (refused) {
      tell(`${refused} refused by ingest`, outcome, rejected);
      this.lost("refused", refused);
    }
    await this.settle(ids);
  }

  private async settle(ids: readonly string[]): Promise<void> {
    this.forget(ids);
    this.tabs.tell(ids);
    await this.queue.remove(ids);
  }

  private forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.open.delete(id);
      this.left.delete(id);
    }
  }
}
