import { RETRY_AFTER_MS_MAX } from "../limits.js";
import { local } from "../storage/local.js";
import { pauseMs } from "./retry.js";

/** When to try again. */
interface Pause {
  /** Milliseconds since 1970. */
  until: number;
  failures: number;
  /** Whether ingest has said so; else nobody has answered. */
  told: boolean;
}

const NONE: Pause = { until: 0, failures: 0, told: false };

/** The pause after failures, which all tabs keep to where they share storage. */
export class Wait {
  private readonly key: string;
  private own = NONE;

  constructor(name: string) {
    this.key = `tappa_wait:${name}`;
  }

  /** Milliseconds still to wait, 0 when none. A pause that a changed clock makes endless is none. */
  left(now: number): number {
    const left = this.pause().until - now;
    return left > 0 && left <= RETRY_AFTER_MS_MAX ? left : 0;
  }

  /** Whether ingest itself has asked to wait. */
  told(now: number): boolean {
    return this.left(now) > 0 && this.pause().told;
  }

  /** After a failure: `retryAfter` as ingest has said, `answered` when it has answered at all. */
  failed(now: number, answered: boolean, retryAfter: number | undefined): void {
    const failures = this.pause().failures + 1;
    this.set({ until: now + (retryAfter ?? pauseMs(failures, Math.random())), failures, told: answered });
  }

  /** After a success, or when there is a network again. */
  over(): void {
    if (this.pause().failures) this.set(NONE);
  }

  private pause(): Pause {
    try {
      return JSON.parse(local.read(this.key) ?? "") as Pause;
    } catch {
      return this.own;
    }
  }

  private set(pause: Pause): void {
    this.own = pause;
    if (!pause.failures) local.remove(this.key);
    else local.write(this.key, JSON.stringify(pause));
  }
}
