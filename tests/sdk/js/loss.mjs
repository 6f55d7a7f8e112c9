// Measures what is lost when a tab is killed so many milliseconds after `track`. By hand: it takes minutes.
import { address, killRenderers, launch, seen } from "./browser.mjs";

const TRIALS = Number(process.argv[2] ?? 20);

async function survives(name, warm, ms) {
  const browser = await launch();
  const context = await browser.newContext();
  try {
    await context.route("**/die", () => killRenderers(browser));
    const page = await context.newPage();
    const crashed = page.waitForEvent("crash");
    const dying = ([warmMs, ms]) =>
      setTimeout(() => {
        void tappa.track("Tried");
        setTimeout(() => {
          const request = new XMLHttpRequest();
          request.open("GET", "/die", false);
          request.send();
        }, ms);
      }, warmMs);
    const url = address(name, { flushAfterMs: 60_000 }).replace(/^http:\/\/[^/]+/, (await import("./browser.mjs")).setting.lax);
    if (!warm) await context.addInitScript(`addEventListener("DOMContentLoaded", () => (${dying})([0, ${ms}]))`);
    await page.goto(url).catch(() => undefined);
    if (warm) await page.evaluate(dying, [300, ms]).catch(() => undefined);
    await crashed;
    await (await context.newPage()).goto(url).catch(() => undefined);
    for (let n = 0; n < 20 && !(await seen(name)).length; n++) await new Promise((done) => setTimeout(done, 50));
    return (await seen(name)).length > 0;
  } finally {
    await browser.close();
  }
}

for (const warm of [true, false]) {
  for (const ms of [0, 2, 5, 10, 20]) {
    let kept = 0;
    for (let n = 0; n < TRIALS; n++) kept += await survives(`loss-${warm}-${ms}-${n}-${Date.now()}`, warm, ms);
    console.log(`${warm ? "later" : "first thing on the page"}, killed ${ms} ms after: ${kept} of ${TRIALS} arrive`);
  }
}
