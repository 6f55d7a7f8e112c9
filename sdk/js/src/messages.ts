import type { EcommerceEvents } from "./ecommerce.js";

/** Anything that JSON can say, by name. */
export type Fields = Record<string, unknown>;

/** What is known of a person. `email`, `phone` and `loyalty_card` are contacts where the source may join by them. */
export interface Traits extends Fields {
  email?: string;
  phone?: string;
  loyalty_card?: string;
  name?: string;
  firstName?: string;
  lastName?: string;
}

/** What is known of a company or a household. */
export interface GroupTraits extends Fields {
  name?: string;
}

/** What is said of an event. `revenue`, `value` or `total` is its money, in `currency`. */
export interface Properties extends Fields {
  revenue?: number | string;
  value?: number | string;
  total?: number | string;
  /** ISO 4217: `EUR`. */
  currency?: string;
  /** Which opinion `score` is: `nps` 0 to 10, `csat` 1 to 5, `sentiment` -1 to 1. */
  score_kind?: "nps" | "csat" | "sentiment";
  score?: number;
}

/** The properties that an event takes: those of Segment's e-commerce specification where it is one of its events. */
export type PropertiesOf<Event extends string> = Event extends keyof EcommerceEvents
  ? EcommerceEvents[Event]
  : Properties;

/** What a single call may say beyond its own fields. */
export interface CallOptions {
  /** When it happened, if not now. */
  timestamp?: Date | string | number;
  /** Its own id: a call repeated with the same id, time and visitor is one touchpoint. */
  messageId?: string;
  /** Instead of this browser's. */
  anonymousId?: string;
  /** Instead of the identified user's. */
  userId?: string;
  /** Merged over what is found out by itself, member by member. */
  context?: Fields;
  /** Taken for the sake of code written for analytics.js, and sent as it is. */
  integrations?: Fields;
}

/** The kinds of message. */
export type MessageType = "track" | "page" | "screen" | "identify" | "group" | "alias";

/** A message as it is sent: the form of Segment's specification. */
export interface Message {
  type: MessageType;
  messageId: string;
  /** ISO 8601, by the clock of this browser. */
  timestamp: string;
  anonymousId?: string;
  userId?: string;
  previousId?: string;
  groupId?: string;
  event?: string;
  name?: string;
  category?: string;
  properties?: Fields;
  traits?: Fields;
  context: Fields;
  integrations?: Fields;
}

/** What a call has led to. */
export interface Told {
  /** The message, in analytics.js' place for it; it is kept, and sent as soon as that is possible. */
  event: Message;
}

/** Called with what a call has led to, once it is kept; not at all when it was dropped or is held. */
export type Callback = (told: Told) => unknown;
