// Clicks through the demo shop as somebody would, and says what the panel beside it showed.
import { errors, launch, open, setting } from "./browser.mjs";

const [address, card, receipt, screenshot] = process.argv.slice(2);
const browser = await launch();
const context = await browser.newContext({ viewport: { width: 1100, height: 620 } });
const page = await open(context, address);
const stages = [];

/** Until the panel shows the stage. */
async function reached(stage) {
  await page.locator("#stages li.now", { hasText: stage }).waitFor({ timeout: 30_000 });
  stages.push(stage);
}

/** Until the panel names a touchpoint. */
const told = (event) => page.locator("#touchpoints li", { hasText: event }).first().waitFor({ timeout: 30_000 });

await reached("discovery");
await page.getByText("Rain Shell").click();
await reached("evaluation");
await page.getByRole("button", { name: "Put into the basket" }).click();
await reached("interest");
await page.getByRole("button", { name: "Buy" }).click();
await reached("purchase");
await page.getByPlaceholder("its number").fill(card);
await page.getByRole("button", { name: "That is mine" }).click();
await told("Identified");
// as a till of the company's would, which knows nothing of the browser
const posted = await fetch(`${setting.ingest}/v1/receipts`, {
  method: "POST",
  headers: { authorization: `Basic ${btoa(`${setting.tillKey}:`)}` },
  body: JSON.stringify({ ...JSON.parse(receipt), sold_at: new Date().toISOString() }),
});
await told("Receipt Issued");
await reached("loyalty");
if (screenshot) await page.screenshot({ path: screenshot });
const touchpoints = await page.locator("#touchpoints li").allTextContents();
const stranger = await (await (await browser.newContext()).request.get(`${address}journey`)).json();
await browser.close();
console.log(
  JSON.stringify({ stages, touchpoints, posted: posted.status, stranger, errors }),
);
process.exit();
