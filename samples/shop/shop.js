// The shop: a few products, a basket, and a touchpoint for each thing that its visitor does.
import { showJourney } from "./journey.js";

const PRODUCTS = [
  { sku: "JA-001", name: "Rain Shell", category: "jackets", price: 189 },
  { sku: "BO-001", name: "Hiking Boot", category: "boots", price: 179 },
  { sku: "PA-001", name: "Day Pack 18", category: "packs", price: 69 },
  { sku: "BA-001", name: "Merino Shirt", category: "base", price: 69 },
  { sku: "GE-002", name: "Head Lamp", category: "gear", price: 45 },
  { sku: "SM-001", name: "Wool Socks", category: "small", price: 15 },
];
const CURRENCY = "EUR";

const find = (id) => document.getElementById(id);
const euro = (price) => `€ ${price.toFixed(2)}`;
const basket = () => JSON.parse(sessionStorage.getItem("basket") ?? "[]");
const keepBasket = (skus) => sessionStorage.setItem("basket", JSON.stringify(skus));
const product = (sku) => PRODUCTS.find((one) => one.sku === sku) ?? PRODUCTS[0];
const post = async (path, body) => {
  const headers = { "content-type": "application/json" };
  return (await (await fetch(path, { method: "POST", headers, body: JSON.stringify(body) })).json()).done;
};

const pages = {
  home() {
    for (const { sku, name, price } of PRODUCTS) {
      const item = document.createElement("li");
      item.innerHTML = `<a href="/product.html?sku=${sku}"><strong>${name}</strong><br><span class="price">${euro(price)}</span></a>`;
      find("products").append(item);
    }
  },

  product() {
    const shown = product(new URLSearchParams(location.search).get("sku"));
    find("name").textContent = shown.name;
    find("price").textContent = euro(shown.price);
    tappa.track("Product Viewed", { ...shown, currency: CURRENCY });
    find("add").addEventListener("click", () => {
      keepBasket([...basket(), shown.sku]);
      tappa.track("Product Added", { ...shown, quantity: 1, currency: CURRENCY });
      location.href = "/basket.html";
    });
  },

  basket() {
    const products = basket().map(product);
    for (const { name, price } of products) {
      const item = document.createElement("li");
      item.textContent = `${name}, ${euro(price)}`;
      find("basket").append(item);
    }
    find("buy").disabled = !products.length;
    find("buy").addEventListener("click", () => {
      const revenue = products.reduce((sum, { price }) => sum + price, 0);
      tappa.track("Order Completed", { order_id: crypto.randomUUID(), revenue, currency: CURRENCY, products });
      keepBasket([]);
      location.href = "/thanks.html";
    });
  },

  thanks() {
    let known = "";
    find("card").addEventListener("submit", async (event) => {
      event.preventDefault();
      const card = new FormData(event.target).get("card");
      if (!(await post("/card", { card }))) return;
      known = card;
      find("known").hidden = find("till").hidden = false;
    });
    find("till").addEventListener("submit", async (event) => {
      event.preventDefault();
      await post("/till", { card: known });
    });
  },
};

tappa.init({ ...(await (await fetch("/settings.json")).json()), flushAfterMs: 100 });
tappa.page(document.title);
pages[document.body.dataset.page]();
find("count").textContent = basket().length;
showJourney(find("stages"), find("touchpoints"));
