/** A clock that goes when it is told to, and repeats its chances. */
import type { Clock } from "../clock.js";

export class FakeClock implements Clock {
  private time: number;
  private readonly timers = new Set<{ readonly at: number; readonly run: () => void }>();

  constructor(
    start = 1_700_000_000_000,
    private readonly chance: () => number = () => 0.5,
  ) {
    this.time = start;
  }

  now(): number {
    return this.time;
  }

  random(): number {
    return this.chance();
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.time + ms, run };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Lets so many milliseconds pass: what is due runs in order, at its own time. */
  advance(ms: number): void {
    const end = this.time + ms;
    while (true) {
      const [next] = [...this.timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at);
      if (next === undefined) break;
      this.timers.delete(next);
      this.time = next.at;
      next.run();
    }
    this.time = end;
  }
}
