import type { ConsentOptions } from "./consent/options.js";
import type { Loss } from "./queue/entry.js";

/** What `init` is told. */
export interface Options {
  /** The write key of a browser source: `tappa sources add web --browser`. */
  writeKey: string;
  /** Where ingest is: `https://touch.example.com`. */
  host: string;
  /** Whether page views are sent by themselves, at the start and when the address changes (History API). Default: false. */
  pageViews?: boolean;
  /** How a visitor's consent is treated. Default: as if it were given. */
  consent?: ConsentOptions;
  /** How long messages are collected before they are sent. Default: 500. */
  flushAfterMs?: number;
  /** How long ingest may take to answer. Default: 15,000. */
  timeoutMs?: number;
  /** The queue's bounds. Default: 5,000 messages, 5,000,000 bytes and 28 days; ingest refuses what is older than 30. */
  queue?: { messages?: number; bytes?: number; days?: number };
  /** Called when messages are lost, with the reason and their number. */
  onLoss?: (why: Loss, count: number) => unknown;
  /** Whether what goes wrong is told on the console. Default: false. */
  debug?: boolean;
}
