import { Consent } from "./consent/consent.js";
import type { Purposes } from "./consent/options.js";
import { Context, VISITS } from "./context/context.js";
import { Delivery } from "./delivery/delivery.js";
import { uuid7 } from "./ids.js";
import { HELD_MAX, MESSAGE_BYTES_MAX } from "./limits.js";
import type { CallOptions, Fields, Message, MessageType, Told } from "./messages.js";
import type { Options } from "./options.js";
import { type Loss, utf8Bytes } from "./queue/entry.js";
import { Queue } from "./queue/queue.js";
import { callPage, quietly, tell } from "./quietly.js";
import { Shelf } from "./storage/shelf.js";
import { VISITOR, Visitor } from "./visitor/visitor.js";

const DAY_MS = 86_400_000;
const FORGOTTEN = [...VISITOR, ...VISITS];

/** Makes messages of calls, and has them sent as far as the visitor consents. */
export class Recorder {
  readonly visitor: Visitor;
  readonly context: Context;
  private readonly shelf = new Shelf(["anonymous_id"]);
  private readonly consent: Consent;
  private readonly url: string;
  private held: Message[] = [];
  private sending: Delivery | undefined;
  private losses = 0;

  constructor(private readonly options: Options) {
    this.url = `${options.host.replace(/\/+$/, "")}/v1/batch`;
    const decisions = new Shelf(["consent"]);
    decisions.open();
    this.consent = new Consent(decisions, options.consent, {
      globalPrivacyControl: (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl === true,
      doNotTrack: navigator.doNotTrack === "1",
    });
    this.visitor = new Visitor(this.shelf);
    this.context = new Context(this.shelf);
    if (this.consent.standing() === "granted") this.begin();
    this.watchTheEnd();
  }

  /**
   * Takes down what has happened at `now`, milliseconds since 1970. Resolves with the message once it is kept, with
   * nothing when it is held until the visitor has decided, or dropped.
   */
  async record(
    type: MessageType,
    fields: Fields,
    { timestamp, messageId, anonymousId, userId, context, integrations }: CallOptions,
    now: number,
  ): Promise<Told | undefined> {
    const standing = this.consent.standing();
    const holding = standing === "undecided" && this.options.consent?.undecided !== "drop";
    if (standing !== "granted" && !(holding && this.held.length < HELD_MAX)) return this.lost("consent", 1);
    const known = userId ?? this.visitor.userId();
    const message: Message = {
      type,
      messageId: messageId ?? uuid7(now),
      timestamp: moment(timestamp, now),
      anonymousId: anonymousId ?? this.visitor.anonymousId(),
      ...(known !== null && { userId: known }),
      ...fields,
      context: { ...this.context.at(now), ...(this.losses && { queue: { lost: this.losses } }), ...context },
      ...(integrations && { integrations }),
    };
    if (holding) this.held.push(message);
    return holding ? undefined : this.send(message);
  }

  /** What the visitor has decided; see `Tappa.consent`. */
  decide(purposes: Purposes, now: number): void {
    const before = this.consent.standing();
    if (!this.consent.decide(purposes)) return;
    const after = this.consent.standing();
    if (after === "granted") {
      this.begin();
      for (const message of this.held.splice(0)) void this.send(message);
      void this.send(this.decision(now));
    } else {
      this.lost("consent", this.held.splice(0).length);
      if (before === "granted") void this.withdraw(now);
    }
  }

  /** What the visitor consents to, as it counts now. */
  purposes(): Purposes {
    return this.consent.purposes();
  }

  /** Forgets the visitor, their visits and their decision. What was told before is sent. */
  reset(): void {
    this.held = [];
    this.consent.forget();
    void this.sending?.flush();
    this.shelf.close(FORGOTTEN);
    this.context.forget();
    if (this.consent.standing() === "granted") this.shelf.open();
  }

  /** Sends now. True when nothing of this page is left to be sent. */
  async flush(): Promise<boolean> {
    return (await this.sending?.flush()) ?? true;
  }

  private begin(): void {
    this.shelf.open();
    // made as early as may be, so that tabs which are opened together find each other's before they tell anything
    this.visitor.anonymousId();
    if (this.sending) return;
    const {
      host,
      flushAfterMs = 500,
      timeoutMs = 15_000,
      queue: { messages = 5_000, bytes = 5e6, days = 28 } = {},
    } = this.options;
    const lost = (why: Loss, count: number) => this.lost(why, count);
    const bounds = { count: messages, bytes, age: days * DAY_MS };
    const queue = new Queue(host, bounds, lost, () => this.sending?.drainIn(0));
    this.sending = new Delivery({ url: this.url, name: host, flushAfterMs, timeoutMs }, queue, lost);
    this.sending.drainIn(0);
  }

  private async send(message: Message): Promise<Told | undefined> {
    const preferences = this.consent.preferences();
    if (preferences) message.context.consent ??= preferences;
    const body = quietly(() => JSON.stringify({ ...message, context: undefined }), "");
    const context = quietly(() => JSON.stringify(message.context), "");
    if (!body || !context) return this.lost("invalid", 1);
    const bytes = utf8Bytes(body) + utf8Bytes(context);
    if (bytes > MESSAGE_BYTES_MAX) return this.lost("large", 1);
    const at = Date.now();
    await this.sending?.add({ id: uuid7(at), body, context, bytes, at, key: this.options.writeKey });
    return { event: message };
  }

  /** That the visitor has decided, itself a touchpoint: under the name that Segment's consent tools have for it. */
  private decision(now: number): Message {
    const userId = this.visitor.userId();
    return {
      type: "track",
      event: "Segment Consent Preference Updated",
      messageId: uuid7(now),
      timestamp: moment(undefined, now),
      anonymousId: this.visitor.anonymousId(),
      ...(userId !== null && { userId }),
      properties: {},
      context: this.context.at(now),
    };
  }

  /** What waits is not sent any more; only that consent was withdrawn. */
  private async withdraw(now: number): Promise<void> {
    const message = this.decision(now);
    this.shelf.close(FORGOTTEN);
    this.context.forget();
    await this.sending?.abandon();
    await this.send(message);
  }

  private lost(why: Loss, count: number): undefined {
    if (!count) return undefined;
    this.losses += count;
    tell(`${count} lost: ${why}`);
    callPage(this.options.onLoss, why, count);
    return undefined;
  }

  private watchTheEnd(): void {
    const on = (target: EventTarget, name: string, then: (event: Event) => void) =>
      target.addEventListener(name, (event) => quietly(() => then(event), undefined));
    on(window, "pagehide", () => this.sending?.leave(true));
    on(document, "visibilitychange", () => document.visibilityState === "hidden" && this.sending?.leave(false));
    on(window, "pageshow", (event) => (event as PageTransitionEvent).persisted && this.sending?.drainIn(0));
    on(window, "online", () => this.sending?.online());
  }
}

/** A time as it is sent. What is no time is left to ingest, which says so. */
function moment(given: CallOptions["timestamp"], now: number): string {
  if (typeof given === "string") return given;
  return quietly(() => new Date(given ?? now).toISOString(), new Date(now).toISOString());
}
