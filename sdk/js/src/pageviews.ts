import { quietly } from "./quietly.js";

/** Calls `viewed` now and whenever the page's path or query changes without a load, once the page has had its turn. */
export function watchPageViews(viewed: () => void): void {
  let address = "";
  const look = () => {
    const now = location.pathname + location.search;
    if (now === address) return;
    address = now;
    viewed();
  };
  const soon = () => setTimeout(() => quietly(look, undefined), 0); // by then the page has its title
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (this: History, ...given: Parameters<History["pushState"]>) {
      original.apply(this, given);
      soon();
    };
  }
  addEventListener("popstate", soon);
  look();
}
