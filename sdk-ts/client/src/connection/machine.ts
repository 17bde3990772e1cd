/**
 * What the connection is and what it does next. Pure: the socket, the clock and chance belong to `link.ts`, so that every
 * transition can be tested without them. A socket exists in `opening`, `greeting` and `connected` alone, a wait in `waiting`
 * alone, and `closed` is never left.
 */
import { CosmictronError } from "../errors.js";
import type { ReconnectOptions } from "../types.js";

export type Phase =
  | { readonly phase: "idle" }
  /** The socket is being opened. */
  | { readonly phase: "opening"; readonly attempt: number }
  /** The token is sent, `welcome` is awaited. */
  | { readonly phase: "greeting"; readonly attempt: number }
  | { readonly phase: "connected"; readonly identity: string; readonly connectionId: string }
  | { readonly phase: "waiting"; readonly attempt: number; readonly until: number; readonly error: CosmictronError }
  | { readonly phase: "closed"; readonly reason: string };

export type Input =
  /** Somebody needs the connection. */
  | { readonly type: "wanted" }
  | { readonly type: "opened" }
  | { readonly type: "welcomed"; readonly identity: string; readonly connectionId: string }
  /** The socket is gone, or took too long. */
  | { readonly type: "lost"; readonly error: CosmictronError; readonly now: number; readonly random: number }
  /** The wait is over. */
  | { readonly type: "due" }
  /** Nobody is signed in any more, or somebody else is. */
  | { readonly type: "parted" }
  | { readonly type: "closed"; readonly reason: string };

export type Effect =
  | { readonly do: "open" }
  | { readonly do: "greet" }
  /** Lets go of the socket, if there is one; what it still says is not heard. */
  | { readonly do: "drop" }
  | { readonly do: "wait"; readonly ms: number };

export interface Step {
  readonly phase: Phase;
  readonly effects: readonly Effect[];
}

const DELAY_MS = 250;
const DELAY_MS_MAX = 15_000;

export function step(phase: Phase, input: Input, reconnect: ReconnectOptions = {}): Step {
  if (phase.phase === "closed") return stay(phase);
  switch (input.type) {
    case "wanted":
      return phase.phase === "idle" ? open(0) : stay(phase);
    case "due":
      return phase.phase === "waiting" ? open(phase.attempt) : stay(phase);
    case "opened":
      if (phase.phase !== "opening") return stay(phase);
      return { phase: { phase: "greeting", attempt: phase.attempt }, effects: [{ do: "greet" }] };
    case "welcomed":
      // A connection that is there is welcomed again for a fresh token.
      if (phase.phase !== "greeting" && phase.phase !== "connected") return stay(phase);
      return { phase: { phase: "connected", identity: input.identity, connectionId: input.connectionId }, effects: [] };
    case "lost":
      return lost(phase, input, reconnect);
    case "parted":
      return phase.phase === "idle" ? stay(phase) : { phase: { phase: "idle" }, effects: [{ do: "drop" }] };
    case "closed":
      return { phase: { phase: "closed", reason: input.reason }, effects: [{ do: "drop" }] };
  }
}

const stay = (phase: Phase): Step => ({ phase, effects: [] });
const open = (attempt: number): Step => ({ phase: { phase: "opening", attempt }, effects: [{ do: "open" }] });

function lost(phase: Phase, input: Input & { type: "lost" }, reconnect: ReconnectOptions): Step {
  if (phase.phase === "idle" || phase.phase === "waiting") return stay(phase);
  // A token that is no good will be none the next time.
  if (input.error.code === "unauthenticated") return { phase: { phase: "idle" }, effects: [{ do: "drop" }] };
  const attempt = phase.phase === "opening" || phase.phase === "greeting" ? phase.attempt + 1 : 1;
  const ms = delay(attempt, input.random, reconnect);
  return {
    phase: { phase: "waiting", attempt, until: input.now + ms, error: input.error },
    effects: [{ do: "drop" }, { do: "wait", ms }],
  };
}

/** Full jitter: anything up to a bound that doubles, so that those who lost a server together do not come back together. */
export function delay(
  attempt: number,
  random: number,
  { delayMs = DELAY_MS, delayMsMax = DELAY_MS_MAX }: ReconnectOptions,
): number {
  return random * Math.min(delayMsMax, delayMs * 2 ** Math.min(attempt - 1, 30));
}

/** What a close code means. */
export function closeError(code: number, reason: string): CosmictronError {
  const why = reason === "" ? "" : `: ${reason}`;
  const isRefused = code === 4001 || code === 4003;
  return new CosmictronError(isRefused ? "unauthenticated" : "disconnected", `the connection ended with ${code}${why}`);
}
