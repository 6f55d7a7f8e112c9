import { quietly } from "./quietly.js";
import { Tappa } from "./tappa.js";

/** What the snippet leaves: calls by name, with their arguments and times. */
type Stub = [name: string, given: unknown[], now: number][];

const script = document.currentScript;

// `window.tappa` becomes the real one. A page without any script of its own says the options in the tag's attributes.
quietly(() => {
  const page = window as unknown as { tappa?: Stub | Tappa };
  if (page.tappa instanceof Tappa || (page.tappa && !Array.isArray(page.tappa))) return;
  const stub = page.tappa ?? [];
  const tappa = new Tappa();
  page.tappa = tappa;
  const { writeKey, host, pageViews } = script?.dataset ?? {};
  if (writeKey && host) tappa.init({ writeKey, host, pageViews: pageViews !== undefined });
  for (const [name, given, now] of stub) tappa.replay(name, given, now);
}, undefined);
