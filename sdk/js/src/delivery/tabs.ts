import { quietly } from "../quietly.js";

/**
 * Tells other tabs of the site which entries are delivered, so that they do not send them once more when they close; no
 * entries: that there is something to be sent.
 */
export class Tabs {
  private readonly channel: BroadcastChannel | undefined;

  constructor(name: string, told: (ids: readonly string[]) => void) {
    this.channel = quietly(() => new BroadcastChannel(`tappa:${name}`), undefined);
    if (this.channel) this.channel.onmessage = ({ data }) => quietly(() => told(data as string[]), undefined);
  }

  tell(ids: readonly string[]): void {
    quietly(() => this.channel?.postMessage(ids), undefined);
  }
}
