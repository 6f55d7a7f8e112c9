import { uuid4 } from "../ids.js";
import type { Traits } from "../messages.js";
import { quietly } from "../quietly.js";
import { readAnew, readCookie } from "../storage/cookie.js";
import { local } from "../storage/local.js";
import type { Shelf } from "../storage/shelf.js";

const ANONYMOUS = "anonymous_id";
const USER = "user_id";
const TRAITS = "traits";

/** What is kept of a visitor, by its name on the shelf. */
export const VISITOR = [ANONYMOUS, USER, TRAITS] as const;

/** Who is in front of the page, as far as the page has told. Tabs and subdomains share it. */
export class Visitor {
  constructor(private readonly shelf: Shelf) {}

  /** The id of this browser. It is made at the first call; one that analytics.js has left here is taken over. */
  anonymousId(): string {
    const known = this.shelf.read(ANONYMOUS) || this.readAnew();
    if (known) return known;
    const made = ofAnalyticsJs() ?? uuid4();
    this.shelf.write(ANONYMOUS, made);
    return made;
  }

  /** Tabs that are opened at once must not each make an id. */
  private readAnew(): string | null {
    readAnew();
    return this.shelf.read(ANONYMOUS);
  }

  setAnonymousId(id: string): void {
    this.shelf.write(ANONYMOUS, id);
  }

  userId(): string | null {
    return this.shelf.read(USER);
  }

  traits(): Traits {
    return this.shelf.readJson<Traits>(TRAITS) ?? {};
  }

  /**
   * Takes down a name and what is known. Another user than before begins with no traits and with an anonymous id of
   * their own, as in analytics.js: two people at one browser are two.
   */
  identify(userId: string | undefined, traits: Traits): void {
    const before = this.userId();
    const another = userId !== undefined && before !== null && userId !== before;
    if (another) this.setAnonymousId(uuid4());
    if (userId !== undefined) this.shelf.write(USER, userId);
    this.shelf.writeJson(TRAITS, another ? traits : { ...this.traits(), ...traits });
  }
}

function ofAnalyticsJs(): string | null {
  const said = readCookie("ajs_anonymous_id") ?? local.read("ajs_anonymous_id");
  return said && quietly(() => String(JSON.parse(said)), said); // it is in quotes or not, by its version
}
