// Measures what is lost when a tab is killed so many milliseconds after `track`. By hand, because it takes minutes.
import { address, killRenderers, launch, seen, setting } from "./browser.mjs";

const TRIALS = Number(process.argv[2] ?? 20);
const TRIAL_MS_MAX = 15_000;
const WARM_MS = 300;

/**
 * In the page: tracks one touchpoint, and asks to be killed without ever letting the page run again, `after` so many
 * milliseconds or, below 0, in the same breath.
 */
const dying = ([before, after]) =>
  setTimeout(() => {
    const die = () => {
      const request = new XMLHttpRequest();
      request.open("GET", "/die", false);
      request.send();
    };
    void tappa.track("Tried");
    if (after < 0) die();
    else setTimeout(die, after);
  }, before);

async function survives(browser, name, warm, ms) {
  const context = await browser.newContext();
  await context.route("**/die", () => killRenderers(browser));
  const page = await context.newPage();
  const crashed = page.waitForEvent("crash");
  const url = address(name, { flushAfterMs: 60_000 }).replace(setting.pages, setting.lax);
  const first = `addEventListener("DOMContentLoaded", () => (${dying})([0, ${ms}]))`;
  if (!warm) await page.addInitScript(first);
  await page.goto(url).catch(() => undefined);
  if (warm) await page.evaluate(dying, [WARM_MS, ms]).catch(() => undefined);
  await crashed;
  await (await context.newPage()).goto(url);
  for (let n = 0; n < 40 && !(await seen(name)).length; n++) await new Promise((done) => setTimeout(done, 50));
  return (await seen(name)).length > 0;
}

/** Undefined when the browser did not get over it. */
async function trial(...given) {
  const browser = await launch();
  const late = new Promise((done) => setTimeout(done, TRIAL_MS_MAX));
  const kept = await Promise.race([survives(browser, ...given).catch(() => undefined), late]);
  await Promise.race([browser.close(), new Promise((done) => setTimeout(done, 1_000))]);
  return kept;
}

for (const warm of [true, false]) {
  for (const ms of [-1, 0, 5]) {
    const kept = [];
    for (let n = 0; n < TRIALS; n++) kept.push(await trial(`loss-${warm}-${ms}-${n}-${Date.now()}`, warm, ms));
    const counted = kept.filter((one) => one !== undefined);
    const when = warm ? "later" : "the first thing on the page";
    console.log(`${when}, killed ${ms < 0 ? "in the same breath" : `${ms} ms after`}: ${counted.filter(Boolean).length} of ${counted.length} arrive`);
  }
}
process.exit();
