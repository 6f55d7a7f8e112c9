// What pages do with the SDK, and what is seen of it: by the page, in the visitor's storage, on the wire.
import { address, delivered, errors, launch, open, seen, setting } from "./browser.mjs";

const browser = await launch();
const told = {};

/** A browser that nobody has used; `sent` are the messages that left its pages. */
async function visitor(work, options = {}) {
  const context = await browser.newContext(options);
  const sent = [];
  context.on("request", (request) => {
    if (request.method() !== "POST" || !request.url().startsWith(setting.proxy)) return;
    const { batch, context: shared } = JSON.parse(request.postData());
    for (const message of batch) sent.push({ ...message, context: { ...shared, ...message.context } });
  });
  await work(context, sent);
  await context.close();
}

const storage = (page) =>
  page.evaluate(async () => ({
    cookies: document.cookie,
    local: Object.keys(localStorage).sort(),
    databases: (await indexedDB.databases()).map(({ name }) => name),
  }));

const names = (sent) => sent.map(({ event, type }) => event ?? type);

// every call of the interface, as code for analytics.js makes it
await visitor(async (context, sent) => {
  const page = await open(context, address("calls"));
  told.callbacks = await page.evaluate(async () => {
    const called = [];
    await tappa.ready(() => called.push("ready"));
    await tappa.page("Shop", "Home", { own: 1 });
    const before = tappa.user().anonymousId();
    await tappa.identify("42", { email: "ann@example.com", name: "Ann" }, () => called.push("identify"));
    await tappa.track("Product Viewed", { sku: "JA-001", price: 189 }, { context: { channel: "kiosk" } });
    await tappa.track("Dated", null, { timestamp: new Date(Date.UTC(2026, 0, 2)), messageId: "own-id" });
    await tappa.group("g-1", { name: "Household" });
    await tappa.alias("43");
    await tappa.screen("Basket");
    const during = tappa.user().anonymousId();
    await tappa.identify("44");
    const other = tappa.user().anonymousId();
    tappa.reset();
    await tappa.track("After");
    return { called, ids: [before === during, during === other], after: tappa.user().id() };
  });
  await delivered(page);
  told.calls = sent;
});

// nothing is stored and nothing leaves before consent; what was held is sent with it
await visitor(async (context, sent) => {
  const asks = { consent: { purposes: { analytics: false, marketing: false } } };
  const page = await open(context, address("consent", asks));
  await page.evaluate(() => {
    void tappa.page();
    void tappa.track("Held");
  });
  await page.evaluate(() => tappa.flush());
  told.consent = { before: await storage(page), sentBefore: sent.length };
  await page.evaluate(() => tappa.consent({ analytics: true }));
  await delivered(page);
  told.consent.granted = names(sent);
  told.consent.preferences = sent.map((message) => message.context.consent);
  told.consent.oneDevice = new Set(sent.map(({ anonymousId }) => anonymousId)).size;
  const next = await open(context, address("consent", asks));
  await next.evaluate(() => tappa.track("Next page"));
  await delivered(next);
  told.consent.next = names(sent).slice(-1);
  await context.setOffline(true);
  await next.evaluate(() => tappa.track("Never sent"));
  await next.evaluate(() => tappa.consent({ analytics: false }));
  await next.evaluate(() => tappa.track("Refused"));
  await context.setOffline(false);
  await delivered(next);
  told.consent.withdrawn = names(sent).slice(-1);
  told.consent.last = sent[sent.length - 1].context.consent;
  told.consent.after = await storage(next);
  told.consent.names = names(sent);
});

// a page that says so drops instead, and browsers that refuse on their own are believed
await visitor(async (context, sent) => {
  await context.addInitScript(() => {
    Object.defineProperty(navigator, "globalPrivacyControl", { value: true });
    Object.defineProperty(navigator, "doNotTrack", { value: "1" });
  });
  const drops = { consent: { purposes: { analytics: false }, undecided: "drop" } };
  const page = await open(context, address("signals", drops));
  await page.evaluate(() => tappa.track("Dropped"));
  await page.evaluate(() => tappa.consent({ analytics: true }));
  await delivered(page);
  const signal = await open(context, address("signals", { consent: {} }));
  told.signals = { sent: names(sent), purposes: await signal.evaluate(() => tappa.consent()) };
  const refusing = await browser.newContext();
  await refusing.addInitScript(() => Object.defineProperty(navigator, "doNotTrack", { value: "1" }));
  const refused = await open(refusing, address("refusing", { consent: { doNotTrack: ["analytics"] } }));
  await refused.evaluate(() => tappa.track("Refused"));
  await refused.evaluate(() => tappa.flush());
  told.signals.refused = { sent: await seen("refusing"), storage: await storage(refused) };
  await refusing.close();
});

// how a visitor came, and a single-page application
await visitor(async (context, sent) => {
  const from = await open(context, `${setting.elsewhere}/page.html?options=null`);
  const to = `${address("arrival", { pageViews: true })}&utm_source=google&utm_medium=cpc&utm_campaign=spring&gclid=abc`;
  await from.evaluate((to) => {
    location.href = to;
  }, to);
  await from.waitForFunction(() => globalThis.tappa?.user().anonymousId());
  await from.evaluate(() => {
    history.pushState(null, "", "/product?sku=1");
    document.title = "A product";
  });
  await from.waitForTimeout(50);
  await from.evaluate(() => {
    history.replaceState(null, "", "/product?sku=1#reviews");
    history.back();
  });
  await from.waitForTimeout(200);
  await delivered(from);
  told.arrival = sent;
}, { locale: "it-IT", timezoneId: "Europe/Rome" });

// the snippet: calls before the script is there keep their order and their time
await visitor(async (context, sent) => {
  const page = await open(context, address("snippet", {}, "snippet.html"));
  await page.waitForFunction(() => !Array.isArray(globalThis.tappa));
  await delivered(page);
  told.snippet = { names: names(sent), times: sent.map(({ timestamp }) => Date.parse(timestamp)), loaded: Date.now() };
  told.snippet.ready = await page.evaluate(() => globalThis.readyCalled);
});

// one tag, without any script of the page's own
await visitor(async (context, sent) => {
  const page = await open(context, address("tag", {}, "tag.html"));
  await page.waitForFunction(() => globalThis.tappa?.user().anonymousId());
  await delivered(page);
  told.tag = names(sent);
});

// a visitor of one subdomain is known on the others
const mapped = await launch("--host-resolver-rules=MAP *.shop.test 127.0.0.1");
const everywhere = await mapped.newContext();
const port = new URL(setting.lax).port;
const ids = [];
for (const host of ["www.shop.test", "m.shop.test"]) {
  const page = await open(everywhere, address("subdomains").replace(setting.pages, `http://${host}:${port}`));
  ids.push(await page.evaluate(() => tappa.user().anonymousId()));
}
const [cookie] = (await everywhere.cookies()).filter(({ name }) => name === "tappa_anonymous_id");
told.subdomains = { ids: new Set(ids).size, domain: cookie.domain, sameSite: cookie.sameSite };
await mapped.close();

// whatever a page does, no error of ours reaches it
await visitor(async (context, sent) => {
  const page = await open(context, address("hostile", { onLoss: undefined }));
  await page.evaluate(async () => {
    const circle = {};
    circle.self = circle;
    await tappa.track("Circular", circle);
    await tappa.track("Big", { text: "x".repeat(40_000) });
    await tappa.track("Number", { n: 1n });
    await tappa.track("Date", {}, { timestamp: new Date("never") });
    await tappa.track(undefined);
    await tappa.track("Fine");
    tappa.consent("nonsense");
    tappa.identify(Symbol("id"));
    Array.prototype.toJSON = () => "hostile";
    await tappa.track("Broken page");
    delete Array.prototype.toJSON;
  });
  await delivered(page);
  told.hostile = sent.map(({ event, type, context }) => [event ?? type, context.queue?.lost]);
});

// how much a call costs the page
await visitor(async (context) => {
  const page = await open(context, address("cost"));
  told.cost = await page.evaluate(async () => {
    const all = [];
    const began = performance.now();
    for (let n = 0; n < 1_000; n++) all.push(tappa.track("Measured", { n }));
    const called = performance.now();
    await Promise.all(all);
    return { callUs: called - began, keptMs: performance.now() - began };
  });
});

await browser.close();
console.log(JSON.stringify({ ...told, errors }));
process.exit();
