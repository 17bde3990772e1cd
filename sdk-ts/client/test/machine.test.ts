import { expect, test } from "vitest";
import { type Input, type Phase, step } from "../src/connection/machine.js";
import { CosmictronError } from "../src/errors.js";

const broken = new CosmictronError("disconnected", "gone");
const refused = new CosmictronError("unauthenticated", "no");
const PHASES: Record<Phase["phase"], Phase> = {
  idle: { phase: "idle" },
  opening: { phase: "opening", attempt: 2 },
  greeting: { phase: "greeting", attempt: 2 },
  connected: { phase: "connected", identity: "i", connectionId: "c" },
  waiting: { phase: "waiting", attempt: 2, until: 5, error: broken },
  closed: { phase: "closed", reason: "done" },
};
const INPUTS: Record<string, Input> = {
  wanted: { type: "wanted" },
  opened: { type: "opened" },
  welcomed: { type: "welcomed", identity: "i", connectionId: "c2" },
  lost: { type: "lost", error: broken, now: 1000, random: 0.5 },
  refused: { type: "lost", error: refused, now: 1000, random: 0.5 },
  due: { type: "due" },
  parted: { type: "parted" },
  closed: { type: "closed", reason: "end" },
};

/** Where each input leads from each phase, and what is done; what is not here changes nothing. */
const LEADS: Record<string, string> = {
  "idle wanted": "opening: open",
  "idle closed": "closed: drop",
  "opening opened": "greeting: greet",
  "opening lost": "waiting: drop wait",
  "opening refused": "idle: drop",
  "opening parted": "idle: drop",
  "opening closed": "closed: drop",
  "greeting welcomed": "connected: ",
  "greeting lost": "waiting: drop wait",
  "greeting refused": "idle: drop",
  "greeting parted": "idle: drop",
  "greeting closed": "closed: drop",
  "connected welcomed": "connected: ",
  "connected lost": "waiting: drop wait",
  "connected refused": "idle: drop",
  "connected parted": "idle: drop",
  "connected closed": "closed: drop",
  "waiting due": "opening: open",
  "waiting parted": "idle: drop",
  "waiting closed": "closed: drop",
};

for (const [from, phase] of Object.entries(PHASES)) {
  for (const [name, input] of Object.entries(INPUTS)) {
    test(`${from} takes ${name}`, () => {
      const next = step(phase, input);
      const lead = LEADS[`${from} ${name}`];
      if (lead === undefined) expect(next).toEqual({ phase, effects: [] });
      else expect(`${next.phase.phase}: ${next.effects.map((effect) => effect.do).join(" ")}`).toBe(lead);
    });
  }
}

test("waits double up to their bound, and a random part of them is waited", () => {
  const wait = (attempt: number, random: number) =>
    step(
      { phase: "opening", attempt },
      { type: "lost", error: broken, now: 0, random },
      { delayMs: 100, delayMsMax: 500 },
    ).phase;
  expect([0, 1, 2, 3, 40].map((attempt) => wait(attempt, 0.5))).toMatchObject(
    [50, 100, 200, 250, 250].map((until) => ({ until })),
  );
  expect(wait(3, 0)).toMatchObject({ until: 0, attempt: 4 });
});
