/** What a visitor agrees to, by purpose: `{ analytics: true, marketing: false }`. */
export type Purposes = Record<string, boolean>;

/** How a visitor's consent is treated. */
export interface ConsentOptions {
  /** What counts until the visitor has decided. `{ analytics: false }` asks first. Default: `{ analytics: true }`. */
  purposes?: Purposes;
  /** The purpose without which nothing is stored and nothing is sent. Default: `analytics`. */
  needs?: string;
  /** What becomes of calls before the decision: `hold` them (the first hundred, in memory) or `drop` them. Default: `hold`. */
  undecided?: "hold" | "drop";
  /** Purposes that the browser's Global Privacy Control refuses until the visitor says otherwise. Default: `["marketing"]`. */
  globalPrivacyControl?: string[];
  /** Purposes that Do Not Track refuses until the visitor says otherwise. Default: none. */
  doNotTrack?: string[];
}
