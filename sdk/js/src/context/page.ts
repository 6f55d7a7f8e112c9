/** A page, in the form of Segment's `context.page` and of the properties of a page view. */
export interface PageFacts {
  path: string;
  referrer: string;
  search: string;
  title: string;
  url: string;
}

/**
 * The page as it is now. Its canonical address counts when it names one, as in analytics.js. `referrer` is where the
 * visitor came from; within a single-page application, its address before.
 */
export function pageFacts(referrer: string): PageFacts {
  const { search, href } = location;
  const canonical = document.querySelector("link[rel='canonical']")?.getAttribute("href");
  const base = canonical ? new URL(canonical, href) : new URL(href);
  if (canonical && !base.search) base.search = search;
  base.hash = "";
  return { path: base.pathname, referrer, search, title: document.title, url: base.href };
}
