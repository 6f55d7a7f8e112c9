import { Tappa } from "./tappa.js";

export type { ConsentOptions, Purposes } from "./consent/options.js";
export type * from "./ecommerce.js";
export type * from "./messages.js";
export type { Options } from "./options.js";
export type { Loss } from "./queue/entry.js";
export type { Tappa, Telling } from "./tappa.js";

const tappa = new Tappa();
export default tappa;

export const init: Tappa["init"] = tappa.init.bind(tappa);
export const track: Tappa["track"] = tappa.track.bind(tappa);
export const page: Tappa["page"] = tappa.page.bind(tappa);
export const screen: Tappa["screen"] = tappa.screen.bind(tappa);
export const identify: Tappa["identify"] = tappa.identify.bind(tappa);
export const group: Tappa["group"] = tappa.group.bind(tappa);
export const alias: Tappa["alias"] = tappa.alias.bind(tappa);
export const consent: Tappa["consent"] = tappa.consent.bind(tappa);
export const reset: Tappa["reset"] = tappa.reset.bind(tappa);
export const flush: Tappa["flush"] = tappa.flush.bind(tappa);
export const ready: Tappa["ready"] = tappa.ready.bind(tappa);
export const user: Tappa["user"] = tappa.user.bind(tappa);

/** Under the name that code written for analytics.js imports: `AnalyticsBrowser.load({ writeKey, host })`. */
export const AnalyticsBrowser = { load: init };
