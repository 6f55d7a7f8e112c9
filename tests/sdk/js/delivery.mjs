// Each scenario tracks touchpoints in a browser that something happens to, and says how many there must be.
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  address,
  delivered,
  errors,
  kept,
  killRenderers,
  launch,
  launchProfile,
  open,
  plan,
  seen,
  track,
} from "./browser.mjs";

const browser = await launch();

/** A context of its own: a browser that nobody has used. */
async function fresh(work) {
  const context = await browser.newContext();
  try {
    return await work(context);
  } finally {
    await context.close();
  }
}

const scenarios = {
  async online() {
    await fresh(async (context) => {
      const page = await open(context, address("online"));
      await track(page, "online", 50);
      await delivered(page);
    });
    return { expected: 50, sent: await seen("online") };
  },

  /** No network for the whole visit; a later visit has one. */
  async offline() {
    await fresh(async (context) => {
      const page = await open(context, address("offline"));
      await context.setOffline(true);
      await kept(page, "offline", 100);
      await page.close();
      await context.setOffline(false);
      await open(context, address("offline"));
      await until(async () => total(await seen("offline")) >= 100);
    });
    return { expected: 100, sent: await seen("offline") };
  },

  /** The network goes and comes back while the page is there. */
  async back() {
    await fresh(async (context) => {
      const page = await open(context, address("back"));
      await context.setOffline(true);
      await kept(page, "back", 50);
      await context.setOffline(false);
      await until(async () => total(await seen("back")) >= 50);
    });
    return { expected: 50, sent: await seen("back") };
  },

  /** kill -9 of the tab, once `track` has said that it is kept; the next tab sends it. */
  async killed() {
    const own = await launch();
    try {
      const context = await own.newContext();
      await plan("killed", "503:1");
      const page = await open(context, address("killed"));
      await kept(page, "killed", 100);
      const crashed = page.waitForEvent("crash");
      await killRenderers(own);
      await crashed;
      await plan("killed", "pass");
      const before = total(await seen("killed"));
      await open(context, address("killed"));
      await until(async () => total(await seen("killed")) >= before + 100);
    } finally {
      await own.close();
    }
    return { expected: 100, sent: await seen("killed") };
  },

  /** kill -9 of the whole browser; it is started again with the same profile. */
  async crashed() {
    const folder = mkdtempSync(join(tmpdir(), "tappa-profile-"));
    await plan("crashed", "503:60");
    const first = await launchProfile(folder);
    const page = await open(first, address("crashed"));
    await page.waitForFunction(async () => (await indexedDB.databases()).length > 0);
    await page.waitForTimeout(500); // what is told before the database is open moves into it
    await kept(page, "crashed", 50);
    const closed = first.waitForEvent("close");
    await killRenderers(first.browser(), "browser");
    await closed;
    await plan("crashed", "pass");
    const next = await launchProfile(folder);
    try {
      const page = await open(next, address("crashed"));
      await page.evaluate(() => localStorage.clear()); // it remembers that it was told to wait for a minute
      await until(async () => {
        await page.evaluate(() => tappa.flush());
        return total(await seen("crashed")) >= 50;
      });
    } finally {
      await next.close();
    }
    return { expected: 50, sent: await seen("crashed") };
  },

  async fiveTabs() {
    await fresh(async (context) => {
      const pages = await Promise.all([1, 2, 3, 4, 5].map(() => open(context, address("fiveTabs"))));
      await Promise.all(pages.map((page, index) => track(page, "fiveTabs", 40, 40 * index)));
      await Promise.all(pages.map(delivered));
    });
    return { expected: 200, sent: await seen("fiveTabs") };
  },

  /** The page goes to another one while its batch is answered late. */
  async navigation() {
    await fresh(async (context) => {
      await plan("navigation", "slow:0.5", "pass");
      const page = await open(context, address("navigation"));
      await kept(page, "navigation", 100);
      await until(async () => (await seen("navigation")).length > 0);
      await page.goto(address("navigation"));
      await delivered(page);
    });
    return { expected: 100, sent: await seen("navigation") };
  },

  async answers() {
    await fresh(async (context) => {
      await plan("answers", "429:1", "503:1", "swallow", "hang", "pass");
      const page = await open(context, address("answers", { timeoutMs: 1_000 }));
      await track(page, "answers", 100);
      await until(async () => (await seen("answers")).length >= 5);
      await delivered(page);
    });
    return { expected: 100, sent: await seen("answers") };
  },

  /** No byte is left, neither in IndexedDB nor in localStorage. */
  async full() {
    await fresh(async (context) => {
      const page = await open(context, address("full"));
      const session = await context.newCDPSession(page);
      const origin = new URL(page.url()).origin;
      await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1 });
      await page.evaluate(() => {
        let size = 1 << 20;
        for (let n = 0; size >= 1; n++) {
          try {
            localStorage.setItem(`filler${n}`, "x".repeat(size));
          } catch {
            size >>= 1;
          }
        }
      });
      await track(page, "full", 50);
      await delivered(page);
    });
    return { expected: 50, sent: await seen("full") };
  },

  /** The browser's own setting that no site may keep anything: cookies, localStorage, IndexedDB and locks are refused. */
  async refused() {
    const folder = mkdtempSync(join(tmpdir(), "tappa-profile-"));
    mkdirSync(join(folder, "Default"));
    const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
    writeFileSync(join(folder, "Default", "Preferences"), JSON.stringify(preferences));
    const context = await launchProfile(folder);
    try {
      const page = await open(context, address("refused"));
      const storage = await page.evaluate(() => {
        try {
          return String(localStorage);
        } catch (error) {
          return error.name;
        }
      });
      await track(page, "refused", 50);
      await delivered(page);
      await track(page, "refused", 50, 50);
      await page.goto("about:blank");
      await until(async () => total(await seen("refused")) >= 100);
      return { expected: 100, sent: await seen("refused"), storage };
    } finally {
      await context.close();
    }
  },

  /** The clock of the visitor's device is two hours ahead. */
  async clock() {
    const began = Date.now();
    await fresh(async (context) => {
      await context.addInitScript(() => {
        const Real = Date;
        const ahead = 7_200_000;
        globalThis.Date = class extends Real {
          constructor(...given) {
            super(...(given.length ? given : [Real.now() + ahead]));
          }
          static now() {
            return Real.now() + ahead;
          }
        };
      });
      const page = await open(context, address("clock"));
      await track(page, "clock", 50);
      await delivered(page);
    });
    return { expected: 50, sent: await seen("clock"), began, ended: Date.now() };
  },

  /** `track` and away: nobody ever comes back with this browser. */
  async exit() {
    for (let n = 0; n < 50; n += 10) {
      // closed with the browser: Chromium does not always get over a context that goes while its page does
      const page = await open(await browser.newContext(), address("exit", { flushAfterMs: 60_000 }));
      await page.evaluate((from) => {
        setTimeout(() => {
          for (let n = from; n < from + 10; n++) void tappa.track("Tried", { scenario: "exit", n });
          location.href = "about:blank";
        });
      }, n);
      await until(async () => total(await seen("exit")) >= n + 10);
    }
    return { expected: 50, customers: 5, sent: await seen("exit") };
  },
};

const total = (requests) => requests.reduce((sum, count) => sum + count, 0);

const within = (seconds, work) => {
  const late = new Promise((_, reject) =>
    setTimeout(reject, seconds * 1_000, new Error(`not done within ${seconds} s`)).unref(),
  );
  return Promise.race([work, late]);
};

async function until(holds) {
  const end = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error("waited for 30 seconds");
    await new Promise((done) => setTimeout(done, 50));
  }
}

const LANES = 4;
const SECONDS_MAX = 60;

const results = {};
const waiting = Object.entries(scenarios).filter(([name]) => process.argv.length < 3 || process.argv.includes(name));

async function lane() {
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [name, run] = next;
    const began = Date.now();
    results[name] = await within(SECONDS_MAX, run()).catch((error) => ({ error: String(error) }));
    results[name].seconds = (Date.now() - began) / 1_000;
  }
}

await Promise.all(Array.from({ length: LANES }, lane));
await within(10, browser.close()).catch(() => undefined);
console.log(JSON.stringify({ results, errors }));
process.exit();
