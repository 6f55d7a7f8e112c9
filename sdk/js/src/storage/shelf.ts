import { readCookie, removeCookie, writeCookie } from "./cookie.js";
import { local } from "./local.js";

const PREFIX = "tappa_";

/**
 * Small values that outlast the page. While it is closed they are in memory only: nothing is read from the visitor's
 * device and nothing is stored there. Values named in `cookies` are in a first-party cookie too.
 */
export class Shelf {
  private readonly memory = new Map<string, string>();
  private opened = false;

  constructor(private readonly cookies: readonly string[] = []) {}

  /** From now on values are stored, those from before as well; what was stored earlier counts. */
  open(): void {
    if (this.opened) return;
    this.opened = true;
    for (const [name, value] of this.memory) if (this.stored(name) === null) this.store(name, value);
  }

  read(name: string): string | null {
    return (this.opened ? this.stored(name) : null) ?? this.memory.get(name) ?? null;
  }

  write(name: string, value: string): void {
    this.memory.set(name, value);
    if (this.opened) this.store(name, value);
  }

  remove(name: string): void {
    this.memory.delete(name);
    local.remove(PREFIX + name);
    if (this.cookies.includes(name)) removeCookie(PREFIX + name);
  }

  /** The value as JSON; `null` when there is none or it cannot be read. */
  readJson<T>(name: string): T | null {
    try {
      return JSON.parse(this.read(name) ?? "null") as T | null;
    } catch {
      return null; // somebody else wrote it
    }
  }

  writeJson(name: string, value: unknown): void {
    this.write(name, JSON.stringify(value));
  }

  /** Forgets `names`, and stores nothing until it is opened again. */
  close(names: readonly string[]): void {
    for (const name of names) this.remove(name);
    this.opened = false;
  }

  private stored(name: string): string | null {
    return (this.cookies.includes(name) ? readCookie(PREFIX + name) : null) ?? local.read(PREFIX + name);
  }

  private store(name: string, value: string): void {
    if (this.cookies.includes(name)) writeCookie(PREFIX + name, value);
    local.write(PREFIX + name, value);
  }
}
