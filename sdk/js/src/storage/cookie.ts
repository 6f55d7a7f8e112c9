import { COOKIE_DAYS } from "../limits.js";
import { quietly } from "../quietly.js";

const DAY_S = 86_400;

/** For so long what was read counts: asking the browser is what a call would cost most. */
const READ_MS = 50;

let read = { all: "", at: -Infinity };

/** The value of a cookie; `null` when there is none or cookies are refused. */
export function readCookie(name: string): string | null {
  return quietly(() => {
    const now = performance.now();
    if (now - read.at > READ_MS) read = { all: document.cookie, at: now };
    const pair = read.all.split("; ").find((one) => one.startsWith(`${name}=`));
    return pair === undefined ? null : decodeURIComponent(pair.slice(name.length + 1));
  }, null);
}

/** What another tab has written in this moment counts. */
export function readAnew(): void {
  read.at = -Infinity;
}

/** Sets a first-party cookie for the page's site with all of its subdomains, as far as the browser allows it. */
export function writeCookie(name: string, value: string): void {
  quietly(() => set(name, encodeURIComponent(value), COOKIE_DAYS * DAY_S), undefined);
}

/** Removes it. */
export function removeCookie(name: string): void {
  quietly(() => set(name, "", 0), undefined);
}

let site: string | undefined;

function set(name: string, value: string, seconds: number): void {
  site ??= widestDomain(location.hostname);
  const secure = location.protocol === "https:" ? "; Secure" : "";
  put(`${name}=${value}; Path=/; Max-Age=${seconds}; SameSite=Lax${secure}${site}`);
}

/** Browsers refuse cookies for public suffixes (`co.uk`): the first domain that takes one is the site. */
function widestDomain(host: string): string {
  const labels = host.split(".");
  for (let from = labels.length - 2; from >= 0; from--) {
    const domain = `; Domain=${labels.slice(from).join(".")}`;
    put(`tappa_try=1; Path=/; SameSite=Lax${domain}`);
    const taken = readCookie("tappa_try") !== null;
    put(`tappa_try=; Path=/; Max-Age=0; SameSite=Lax${domain}`);
    if (taken) return domain;
  }
  return ""; // localhost, an address in numbers
}

function put(cookie: string): void {
  document.cookie = cookie;
  readAnew();
}
