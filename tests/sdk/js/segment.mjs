// Segment's own browser client, unchanged: it is only told another address. In each of its modes every documented call.
import { errors, launch, open, plan, setting, taken } from "./browser.mjs";

const browser = await launch();
const apiHost = (name) => `${new URL(setting.proxy).host}/${name}/v1`;
const to = (name, further) => ({ "Segment.io": { apiHost: apiHost(name), protocol: "http", ...further } });
const batching = { deliveryStrategy: { strategy: "batching", config: { size: 4, timeout: 300 } } };

const modes = {
  /** As a page that only changes `cdnURL`. */
  plain: { options: {} },
  batching: { options: { integrations: to("batching", batching) } },
  /** Ingest is away for a while. */
  refused: { options: { integrations: to("refused") }, plan: ["503:1", "503:1", "503:1", "pass"] },
  refusedBatching: {
    options: { integrations: to("refusedBatching", batching) },
    plan: ["503:1", "503:1", "pass"],
  },
  /** Ingest is killed and starts again. */
  restart: { options: { integrations: to("restart") }, plan: ["pass", "kill", "pass"] },
  restartBatching: { options: { integrations: to("restartBatching", batching) }, plan: ["pass", "kill", "pass"] },
};

/** Until ingest has taken these messages: a browser may send one twice, so counting them is not enough. */
async function takenAll(name, messages) {
  const end = Date.now() + 60_000;
  for (;;) {
    const ids = new Set(await taken(name));
    if (messages.every(({ messageId }) => ids.has(messageId)) || Date.now() > end) return;
    await new Promise((done) => setTimeout(done, 50));
  }
}

const results = {};
for (const [name, { options, plan: steps }] of Object.entries(modes)) {
  const context = await browser.newContext({ locale: "it-IT" });
  const page = await open(context, `${setting.lax}/segment.html?utm_source=google&utm_medium=cpc&gclid=abc`);
  if (steps) await plan(name, ...steps);
  results[name] = await page.evaluate(
    async ([writeKey, cdnURL, options]) => {
      const analytics = AnalyticsNext.AnalyticsBrowser.load({ writeKey, cdnURL }, options);
      const contexts = [
        await analytics.page("Shop", "Home", { own: 1 }),
        // before identify: afterwards this client sends the identified user's id instead, whatever it is told
        await analytics.alias("seg-2", "seg-0"),
        await analytics.identify("seg-1", { email: "bob@example.com", plan: "gold" }),
        await analytics.track("Order Completed", { order_id: "o-1", revenue: 49.9, currency: "EUR" }),
        await analytics.track("Dated", {}, { timestamp: new Date(Date.now() - 3_600_000) }),
        await analytics.track(
          "With context",
          {},
          { context: { externalIds: [{ id: "9900", type: "loyalty_card", collection: "users", encoding: "none" }] } },
        ),
        await analytics.group("seg-group", { name: "Household" }),
        await analytics.screen("App", "Basket"),
      ];
      await analytics.setAnonymousId("seg-anonymous");
      contexts.push(await analytics.track("Other device"));
      const events = contexts.map(({ event }) => event);
      return events.map(({ messageId, type, timestamp }) => ({ messageId, type, timestamp: new Date(timestamp).getTime() }));
    },
    [setting.writeKey, setting.ingest, options],
  );
  if (name === "plain") await page.waitForLoadState("networkidle");
  else await takenAll(name, results[name]);
  await context.close();
}
await browser.close();
console.log(JSON.stringify({ results, errors }));
process.exit();
