import { SESSION_STEP_MS } from "../limits.js";
import type { Fields } from "../messages.js";
import { quietly } from "../quietly.js";
import type { Shelf } from "../storage/shelf.js";
import { type Arrival, arrival, campaignKey, says } from "./arrival.js";
import { type PageFacts, pageFacts } from "./page.js";
import { type Session, sessionAt } from "./session.js";

const SESSION = "session";
const FIRST = "first_touch";
const LAST = "last_touch";

/** What is kept of visits, by its name on the shelf. */
export const VISITS = [SESSION, FIRST, LAST] as const;

/** How a visitor came, when, and to which page. */
interface Touch extends Arrival {
  at: string;
  landingPage: string;
}

/** What every touchpoint says of its circumstances. */
export class Context {
  private readonly device = deviceFacts();
  private address = "";
  private came: Arrival = {};
  private taken = false;
  private referrer = document.referrer;
  private last = "";

  constructor(private readonly shelf: Shelf) {}

  /** The page as it is now. */
  page(): PageFacts {
    this.follow();
    return pageFacts(this.referrer);
  }

  /** The circumstances of a touchpoint at `now`, milliseconds since 1970. It goes on with the visitor's session. */
  at(now: number): Fields {
    const page = this.page();
    if (!this.taken) this.arrive(now);
    const before = this.shelf.readJson<Session>(SESSION);
    const session = sessionAt(before, now, campaignKey(this.came));
    if (session.id !== before?.id || session.lastAt - before.lastAt >= SESSION_STEP_MS) {
      this.shelf.writeJson(SESSION, session);
    }
    const first = this.shelf.readJson<Touch>(FIRST);
    const { campaign, clickIds } = this.came;
    return {
      ...this.device,
      page,
      session: { id: session.id, number: session.number, startedAt: new Date(session.startedAt).toISOString() },
      ...(campaign && { campaign }),
      ...(clickIds && { clickIds }),
      ...(first && { acquisition: { first, last: this.shelf.readJson<Touch>(LAST) ?? first } }),
    };
  }

  /** Once what is kept was forgotten, how the visitor came to this page counts as new. */
  forget(): void {
    this.taken = false;
  }

  private follow(): void {
    const address = location.href.split("#", 1)[0] ?? "";
    if (address === this.address) return;
    if (this.last) this.referrer = this.last;
    this.last = this.address = address;
    this.came = quietly(() => arrival(address, this.referrer), {});
    this.taken = false;
  }

  private arrive(now: number): void {
    this.taken = true;
    const known = this.shelf.read(FIRST) !== null;
    if (known && !says(this.came)) return;
    const touch: Touch = { at: new Date(now).toISOString(), landingPage: this.address, ...this.came };
    if (!known) this.shelf.writeJson(FIRST, touch);
    this.shelf.writeJson(LAST, touch);
  }
}

function deviceFacts(): Fields {
  const { width, height } = screen;
  return {
    library: { name: "tappa.js", version: VERSION },
    locale: navigator.language,
    timezone: quietly(() => Intl.DateTimeFormat().resolvedOptions().timeZone, undefined),
    userAgent: navigator.userAgent,
    screen: { width, height, density: devicePixelRatio },
  };
}
