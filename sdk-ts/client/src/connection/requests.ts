/**
 * Calls and queries that wait for their answers. They outlive connections: what was not answered is sent again, byte for byte,
 * a call with the same idempotency key, so that a lost answer never means a second run.
 */
import type { Clock } from "../clock.js";
import { CosmictronError } from "../errors.js";
import type { ServerMessage } from "../protocol/message.js";

export type Reply = Extract<ServerMessage, { type: "called" | "rows" }>;

/** The server ends a connection with 1009 for a longer one, and would end the next one for the same. */
export const MESSAGE_BYTES_MAX = 1 << 20;
/** Requests that wait at once where no offline queue is chosen. */
export const WAITING_MAX = 10_000;

interface Waiting {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly timeoutMs: number;
  readonly settle: (reply: Reply) => void;
  readonly answered: () => void;
  readonly fail: (error: CosmictronError) => void;
  isSent: boolean;
  cancelTimer: (() => void) | null;
  release: () => void;
}

export interface RequestLimits {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export class Requests {
  /** In the order in which they were made. */
  private readonly waiting = new Map<number, Waiting>();

  constructor(
    private readonly clock: Clock,
    private readonly offlineCallsMax: number | null,
    private readonly link: { readonly isConnected: boolean; send(bytes: Uint8Array<ArrayBuffer>): void },
  ) {}

  /** `answered` runs with the answer itself, before the next message is read. */
  add(id: number, bytes: Uint8Array<ArrayBuffer>, limits: RequestLimits, answered: () => void): Promise<Reply> {
    return new Promise((settle, fail) => {
      const refusal = this.refusal(bytes, limits.signal);
      if (refusal !== null) return fail(refusal);
      const abort = () => this.fail(id, new CosmictronError("aborted", "the caller's signal fired"));
      limits.signal?.addEventListener("abort", abort);
      const release = () => limits.signal?.removeEventListener("abort", abort);
      const request = {
        bytes,
        timeoutMs: limits.timeoutMs,
        settle,
        answered,
        fail,
        isSent: false,
        cancelTimer: null,
        release,
      };
      this.waiting.set(id, request);
      if (this.offlineCallsMax === null) this.startTimer(id, request);
      if (this.link.isConnected) this.send(id, request);
    });
  }

  private refusal(bytes: Uint8Array, signal: AbortSignal | undefined): CosmictronError | null {
    if (signal?.aborted) return new CosmictronError("aborted", "the caller's signal fired");
    if (bytes.length > MESSAGE_BYTES_MAX) {
      return new CosmictronError(
        "too_large",
        `a message of ${bytes.length} bytes exceeds the limit of ${MESSAGE_BYTES_MAX}`,
      );
    }
    const max = this.link.isConnected ? WAITING_MAX : (this.offlineCallsMax ?? WAITING_MAX);
    if (this.waiting.size < max) return null;
    return new CosmictronError("offline_queue_full", `${this.waiting.size} calls wait, of ${max} that may`);
  }

  /** The connection is there. */
  resume(): void {
    for (const [id, request] of this.waiting) if (!request.isSent) this.send(id, request);
  }

  /** The connection is lost: nothing that was sent will be answered by it. */
  suspend(): void {
    for (const request of this.waiting.values()) request.isSent = false;
  }

  settle(reply: Reply): void {
    const request = this.take(reply.id);
    request?.answered();
    request?.settle(reply);
  }

  /** False where no request has this id. */
  fail(id: number, error: CosmictronError): boolean {
    const request = this.take(id);
    request?.fail(error);
    return request !== undefined;
  }

  failAll(error: CosmictronError): void {
    for (const id of [...this.waiting.keys()]) this.fail(id, error);
  }

  private take(id: number): Waiting | undefined {
    const request = this.waiting.get(id);
    this.waiting.delete(id);
    request?.cancelTimer?.();
    request?.release();
    return request;
  }

  private send(id: number, request: Waiting): void {
    request.isSent = true;
    if (request.cancelTimer === null) this.startTimer(id, request);
    this.link.send(request.bytes);
  }

  private startTimer(id: number, request: Waiting): void {
    request.cancelTimer = this.clock.after(request.timeoutMs, () =>
      this.fail(id, new CosmictronError("timeout", `no answer within ${request.timeoutMs} ms`)),
    );
  }
}
