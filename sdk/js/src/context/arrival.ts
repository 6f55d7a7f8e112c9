/** UTM parameters, under the names that Segment's `context.campaign` has for them. */
export type Campaign = Record<string, string>;

/** What the address of a page and its referrer say of how the visitor came. */
export interface Arrival {
  campaign?: Campaign;
  /** Ids that ad networks append to a link, by parameter: `gclid`, `fbclid`, … */
  clickIds?: Record<string, string>;
  /** The address that the visitor came from, on another site. */
  referrer?: string;
}

const CLICK_IDS = new Set(
  "gclid gbraid wbraid dclid msclkid yclid ttclid twclid li_fat_id fbclid igshid ScCid epik rdt_cid".split(" "),
);
const VALUE_CHARACTERS_MAX = 512;

/** Reads an address; what is not there is left out. */
export function arrival(url: string, referrer: string): Arrival {
  const found: Arrival = {};
  const campaign: Campaign = {};
  const clickIds: Record<string, string> = {};
  for (const [name, value] of new URL(url).searchParams) {
    const short = value.slice(0, VALUE_CHARACTERS_MAX);
    if (!short) continue;
    if (/^utm_\w+$/.test(name)) campaign[name === "utm_campaign" ? "name" : name.slice(4)] ??= short;
    else if (CLICK_IDS.has(name)) clickIds[name] ??= short;
  }
  if (Object.keys(campaign).length) found.campaign = campaign;
  if (Object.keys(clickIds).length) found.clickIds = clickIds;
  if (referrer && !sameSite(referrer, url)) found.referrer = referrer;
  return found;
}

/** Whether somebody has come from somewhere, and not merely gone on. */
export function says(found: Arrival): boolean {
  return Object.keys(found).length > 0;
}

/** Campaign and click ids as one text: another one is another campaign. Empty without both. */
export function campaignKey({ campaign, clickIds }: Arrival): string {
  return campaign || clickIds ? JSON.stringify([campaign, clickIds]) : "";
}

function sameSite(one: string, other: string): boolean {
  try {
    const host = (url: string) => new URL(url).hostname.replace(/^www\./, "");
    return host(one) === host(other);
  } catch {
    return false;
  }
}
