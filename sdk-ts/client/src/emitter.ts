/** Listeners by event. One that throws does not keep the others from hearing. */
import type { Off } from "./types.js";

export class Emitter<Events> {
  private readonly listeners = new Map<keyof Events, Set<(value: never) => void>>();

  on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): Off {
    const all = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, all);
    // A function of its own, so that one that is given twice is two listeners.
    const own = (value: Events[E]) => listener(value);
    all.add(own);
    return () => all.delete(own);
  }

  emit<E extends keyof Events>(event: E, value: Events[E]): void {
    for (const listener of [...(this.listeners.get(event) ?? [])])
      hear(() => (listener as (value: Events[E]) => void)(value));
  }
}

/** Runs what belongs to the user. What it throws is reported as uncaught, and disturbs nothing here. */
export function hear(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
