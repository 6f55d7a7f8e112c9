import type { Shelf } from "../storage/shelf.js";
import type { ConsentOptions, Purposes } from "./options.js";

const DECISION = "consent";

/** What may be done with a touchpoint just now. */
export type Standing = "granted" | "undecided" | "refused";

/** What the browser says of its user. */
export interface Signals {
  globalPrivacyControl: boolean;
  doNotTrack: boolean;
}

/** What the visitor agrees to. A decision is kept for later pages, in a cookie of the site without any identifier. */
export class Consent {
  private readonly needs: string;
  private readonly asked: boolean;
  private readonly beforehand: Purposes;
  private readonly refusedBySignal: readonly string[];

  constructor(
    private readonly shelf: Shelf,
    options: ConsentOptions | undefined,
    signals: Signals,
  ) {
    const { purposes, needs = "analytics", globalPrivacyControl = ["marketing"], doNotTrack = [] } = options ?? {};
    this.needs = needs;
    this.asked = options !== undefined;
    this.refusedBySignal = [
      ...(signals.globalPrivacyControl ? globalPrivacyControl : []),
      ...(signals.doNotTrack ? doNotTrack : []),
    ];
    const refused = this.refusedBySignal.map((purpose) => [purpose, false] as const);
    this.beforehand = { [needs]: true, ...purposes, ...Object.fromEntries(this.asked ? refused : []) };
  }

  /** Whether touchpoints may be stored and sent. */
  standing(): Standing {
    if (this.purposes()[this.needs]) return "granted";
    const decided = this.decision()?.[this.needs] !== undefined || this.refusedBySignal.includes(this.needs);
    return decided ? "refused" : "undecided";
  }

  /** Every purpose known, as it counts now. */
  purposes(): Purposes {
    return { ...this.beforehand, ...this.decision() };
  }

  /** What touchpoints say of it; nothing while nobody asks for consent. */
  preferences(): { categoryPreferences: Purposes } | undefined {
    return this.asked || this.decision() ? { categoryPreferences: this.purposes() } : undefined;
  }

  /** Takes down what the visitor has decided; purposes that are not named stay. True when that changes anything. */
  decide(purposes: Purposes): boolean {
    const said = Object.entries(purposes).filter(([, agreed]) => typeof agreed === "boolean");
    if (!said.length) return false;
    const before = JSON.stringify([this.decision() !== null, this.purposes()]);
    this.shelf.writeJson(DECISION, { ...this.decision(), ...Object.fromEntries(said) });
    return JSON.stringify([true, this.purposes()]) !== before;
  }

  /** As if the visitor had never decided. */
  forget(): void {
    this.shelf.remove(DECISION);
  }

  private decision(): Purposes | null {
    return this.shelf.readJson<Purposes>(DECISION);
  }
}
