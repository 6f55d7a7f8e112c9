// A real browser, and what hurts it.
import { chromium } from "playwright-core";

const FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];

/** What the tests have started, as they say it on standard input. */
export const setting = JSON.parse(await new Response(process.stdin).text());

export const launch = (...flags) => chromium.launch({ executablePath: setting.chromium, args: [...FLAGS, ...flags] });

export const launchProfile = (folder) =>
  chromium.launchPersistentContext(folder, { executablePath: setting.chromium, args: FLAGS });

/** The address of a page whose touchpoints go through the proxy under a name of their own. */
export function address(name, options = {}, page = "page.html") {
  const said = { writeKey: setting.writeKey, host: `${setting.proxy}/${name}`, flushAfterMs: 50, ...options };
  return `${setting.pages}/${page}?options=${encodeURIComponent(JSON.stringify(said))}`;
}

/** Errors that reached a page, whoever's they are. */
export const errors = [];

/** A page of a context at an address. */
export async function open(context, url) {
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(url);
  return page;
}

/** What becomes of the next requests under a name; see `proxy` in site.py. */
export const plan = (name, ...steps) =>
  fetch(`${setting.proxy}/_plan/${name}`, { method: "POST", body: JSON.stringify(steps) });

/** How many messages came under a name, by request. */
export const seen = async (name) => (await fetch(`${setting.proxy}/_seen/${name}`)).json();

/** Which messages of that name ingest has answered with 200, repeats included. */
export const taken = async (name) => (await fetch(`${setting.proxy}/_taken/${name}`)).json();

/** Tracks `count` touchpoints numbered from `from`, and waits for nothing. */
export const track = (page, scenario, count, from = 0) =>
  page.evaluate(
    ([scenario, count, from]) => {
      for (let n = from; n < from + count; n++) void tappa.track("Tried", { scenario, n });
    },
    [scenario, count, from],
  );

/** The same, and returns when each is kept. */
export const kept = (page, scenario, count, from = 0) =>
  page.evaluate(
    async ([scenario, count, from]) => {
      const all = Array.from({ length: count }, (_, n) => tappa.track("Tried", { scenario, n: from + n }));
      await Promise.all(all);
    },
    [scenario, count, from],
  );

/** Until nothing of the page's is left to be sent. */
export const delivered = (page) =>
  page.waitForFunction(async () => await tappa.flush(), undefined, { polling: 100, timeout: 30_000 });

/** kill -9 of every process of this browser that shows pages, or of the browser itself. */
export async function killRenderers(browser, kind = "renderer") {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  for (const { type, id } of processInfo) if (type === kind) process.kill(id, "SIGKILL");
}
