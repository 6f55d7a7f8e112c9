/** Tabs of the site take turns: `work` runs while no other tab's does, and begins when the tab before is done or gone. */
export async function inTurn(name: string, work: () => Promise<void>): Promise<void> {
  let begun = false;
  const once = () => {
    begun = true;
    return work();
  };
  try {
    if (navigator.locks) return await navigator.locks.request(`tappa:${name}`, once);
  } catch {
    // where storage is refused, locks are too
  }
  // without turns a message may be sent twice, and counts once by its messageId
  if (!begun) await work();
}
