import { sorted } from "./arguments.js";
import type { Purposes } from "./consent/options.js";
import { HELD_MAX } from "./limits.js";
import type {
  Callback,
  CallOptions,
  Fields,
  GroupTraits,
  MessageType,
  Properties,
  PropertiesOf,
  Told,
  Traits,
} from "./messages.js";
import type { Options } from "./options.js";
import { watchPageViews } from "./pageviews.js";
import { beLoud, callPage, quietly, quietlyLater, tell } from "./quietly.js";
import { Recorder } from "./recorder.js";

/** Resolves once the message is kept, with nothing when it was dropped or is held until `init` or consent. It never rejects. */
export type Telling = Promise<Told | undefined>;

type Call = (recorder: Recorder, now: number) => unknown;

/**
 * What a page calls. The calls are those of analytics.js, with its arguments. No error of ours leaves them, and outside
 * of a browser they do nothing.
 */
export class Tappa {
  private recorder: Recorder | undefined;
  /** The time of a call that is replayed. */
  private late: number | undefined;
  private waiting: { call: Call; now: number }[] = [];

  /** Begins. What was called before is done now, under its own time. Later calls change nothing. */
  init(options: Options): this {
    quietly(() => {
      if (this.recorder || typeof window === "undefined") return;
      if (options.debug) beLoud();
      if (!options.writeKey || !options.host) return tell("init needs writeKey and host");
      const recorder = new Recorder(options);
      this.recorder = recorder;
      if (options.pageViews) watchPageViews(() => void this.page());
      for (const { call, now } of this.waiting.splice(0)) quietly(() => call(recorder, now), undefined);
    }, undefined);
    return this;
  }

  /** Something has happened: `track("Product Viewed", { sku: "JA-001" })`. */
  track<Event extends string>(
    event: Event,
    properties?: PropertiesOf<Event> | null | Callback,
    options?: CallOptions | null | Callback,
    callback?: Callback,
  ): Telling {
    return this.told("track", 1, [event, properties, options, callback], ({ names, fields }) => ({
      event: names[0] ?? "",
      properties: fields,
    }));
  }

  /** A page is seen: `page()`, `page("Home")`, `page("Shop", "Home")`, each with properties, options and a callback. */
  page(
    category?: string | Properties | null | Callback,
    name?: string | Properties | CallOptions | null | Callback,
    properties?: Properties | CallOptions | null | Callback,
    options?: CallOptions | null | Callback,
    callback?: Callback,
  ): Telling {
    return this.told("page", 2, [category, name, properties, options, callback], (given, recorder) =>
      view(given.names, { ...recorder.context.page(), ...given.fields }),
    );
  }

  /** A screen of an application is seen. The arguments are those of `page`. */
  screen(
    category?: string | Properties | null | Callback,
    name?: string | Properties | CallOptions | null | Callback,
    properties?: Properties | CallOptions | null | Callback,
    options?: CallOptions | null | Callback,
    callback?: Callback,
  ): Telling {
    return this.told("screen", 2, [category, name, properties, options, callback], ({ names, fields }) =>
      view(names, fields),
    );
  }

  /** Who the visitor is: `identify("42", { name: "Ann" })`, or `identify({ name: "Ann" })` without an id. */
  identify(
    userId?: string | number | Traits | null,
    traits?: Traits | CallOptions | null | Callback,
    options?: CallOptions | null | Callback,
    callback?: Callback,
  ): Telling {
    return this.told("identify", 1, [userId, traits, options, callback], ({ names: [id], fields }, recorder) => {
      recorder.visitor.identify(id, fields);
      return { ...(id !== undefined && { userId: id }), traits: recorder.visitor.traits() };
    });
  }

  /** The visitor belongs to a company or a household. */
  group(
    groupId: string | number,
    traits?: GroupTraits | null | Callback,
    options?: CallOptions | null | Callback,
    callback?: Callback,
  ): Telling {
    return this.told("group", 1, [groupId, traits, options, callback], ({ names, fields }) => ({
      groupId: names[0] ?? "",
      traits: fields,
    }));
  }

  /** Two ids are one user's. `previousId` is this visitor's id unless it is given, and goes. */
  alias(
    userId: string | number,
    previousId?: string | number | null | CallOptions | Callback,
    options?: CallOptions | null | Callback,
    callback?: Callback,
  ): Telling {
    // there is nothing to be told of an alias: what comes after the names are options
    const given = typeof previousId === "object" ? [userId, null, {}, previousId] : [userId, previousId, {}, options];
    return this.told("alias", 2, [...given, options, callback], ({ names: [to, from] }, { visitor }) => ({
      userId: to ?? "",
      previousId: from ?? visitor.userId() ?? visitor.anonymousId(),
    }));
  }

  /**
   * What the visitor consents to, by purpose: told with every touchpoint from then on, and in one of its own. Once the
   * purpose that is needed is granted, what was held is sent; once it is refused, everything kept here is forgotten and
   * what waits is not sent. Returns what counts now; without an argument it only asks.
   */
  consent(purposes?: Purposes): Purposes {
    if (purposes) this.now((recorder, now) => recorder.decide(purposes, now));
    return quietly(() => this.recorder?.purposes(), undefined) ?? {};
  }

  /** Forgets the visitor, their visits and their decision on consent. What was told before is still sent. */
  reset(): void {
    this.now((recorder) => recorder.reset());
  }

  /** Sends what waits, without delay unless ingest has asked for one. True when nothing of this page is left. */
  flush(): Promise<boolean> {
    return quietlyLater(async () => (await this.recorder?.flush()) ?? false, false);
  }

  /** Resolves, and calls back, once `init` was called and done. */
  ready(callback?: () => unknown): Promise<void> {
    return new Promise((resolve) => {
      this.now(() => {
        callPage(callback);
        resolve();
      });
    });
  }

  /** The visitor, as far as the page has told; without `init` nobody. */
  user(): { id(): string | null; anonymousId(): string | null; traits(): Traits } {
    const visitor = () => this.recorder?.visitor;
    return {
      id: () => quietly(() => visitor()?.userId(), null) ?? null,
      anonymousId: () => quietly(() => visitor()?.anonymousId(), null) ?? null,
      traits: () => quietly(() => visitor()?.traits(), {}) ?? {},
    };
  }

  /** This browser has another anonymous id from now on. */
  setAnonymousId(id: string): void {
    this.now(({ visitor }) => visitor.setAnonymousId(id));
  }

  /**
   * Does a call that was made at `now`, before the script was there.
   * @internal
   */
  replay(name: string, given: readonly unknown[], now: number): void {
    quietly(() => {
      const method = (this as unknown as Record<string, unknown>)[name];
      if (typeof method !== "function" || name === "replay") return;
      this.late = now;
      method.apply(this, given);
    }, undefined);
    this.late = undefined;
  }

  private told(
    type: MessageType,
    namesMax: number,
    given: readonly unknown[],
    fieldsOf: (given: ReturnType<typeof sorted>, recorder: Recorder) => Fields,
  ): Telling {
    return new Promise((resolve) => {
      const call: Call = (recorder, now) => {
        const arranged = sorted(given, namesMax);
        const telling = quietlyLater(
          () => recorder.record(type, fieldsOf(arranged, recorder), arranged.options, now),
          undefined,
        );
        void telling.then((told) => {
          if (told) callPage(arranged.callback, told);
          resolve(told);
        });
      };
      if (!this.now(call)) resolve(undefined);
    });
  }

  /** Does it now, or at `init` when that is still to come. False when it was not done now. */
  private now(call: Call): boolean {
    const now = this.late ?? Date.now();
    const recorder = this.recorder;
    if (recorder) {
      quietly(() => call(recorder, now), undefined);
      return true;
    }
    if (typeof window !== "undefined" && this.waiting.length < HELD_MAX) this.waiting.push({ call, now });
    return false;
  }
}

function view([first, second]: readonly (string | undefined)[], properties: Fields): Fields {
  const name = second ?? first;
  const category = second === undefined ? undefined : first;
  const said = { ...(name !== undefined && { name }), ...(category !== undefined && { category }) };
  return { ...said, properties: { ...properties, ...said } };
}
