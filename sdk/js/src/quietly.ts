let loud = false;

/** From now on what goes wrong inside is told on the console. */
export function beLoud(): void {
  loud = true;
}

/** Tells a developer something, in debug mode only. */
export function tell(...what: unknown[]): void {
  if (loud) console.warn("tappa:", ...what);
}

/** What `work` returns, or `otherwise` when it throws: an error of ours never reaches the page. */
export function quietly<T>(work: () => T, otherwise: T): T {
  try {
    return work();
  } catch (error) {
    tell(error);
    return otherwise;
  }
}

/** The same for work that takes time. */
export async function quietlyLater<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    tell(error);
    return otherwise;
  }
}

/** Calls a function of the page's in a turn of its own: what it throws is the page's error, and does not stop ours. */
export function callPage<A extends unknown[]>(callback: ((...given: A) => unknown) | undefined, ...given: A): void {
  if (callback) queueMicrotask(() => void callback(...given));
}
