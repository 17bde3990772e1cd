/** Time and chance, passed in so that tests can replay them. */

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `run` once, after so many milliseconds; returns what cancels it. */
  after(ms: number, run: () => void): () => void;
  /** From 0 up to, but not, 1. */
  random(): number;
}

/** What `setTimeout` can count to; beyond it fires at once. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(ms, TIMEOUT_MS_MAX));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
