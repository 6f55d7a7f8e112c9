// The panel beside the shop: its own visitor's stage and last touchpoints, asked of the shop's server once a second.
const STAGES = ["discovery", "evaluation", "interest", "purchase", "post_sale", "loyalty", "advocacy"];
const EVERY_MS = 1_000;

export function showJourney(stages, touchpoints) {
  const items = STAGES.map((stage) => {
    const item = document.createElement("li");
    item.textContent = stage.replace("_", " ");
    stages.append(item);
    return item;
  });

  async function look() {
    const answer = await fetch("/journey").catch(() => undefined);
    const journey = answer?.ok ? await answer.json() : undefined;
    if (journey) {
      for (const [index, item] of items.entries()) item.className = STAGES[index] === journey.stage ? "now" : "";
      touchpoints.replaceChildren(...journey.touchpoints.map(line));
    }
    setTimeout(look, EVERY_MS);
  }
  void look();
}

function line({ event, channel }) {
  const item = document.createElement("li");
  const where = document.createElement("small");
  item.textContent = event;
  where.textContent = channel;
  item.append(where);
  return item;
}
