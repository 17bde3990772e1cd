/** The edge of the connection: does what the machine says, with a real socket and a real clock. One socket, shared by all. */
import type { Clock } from "../clock.js";
import { CosmictronError } from "../errors.js";
import { type ClientMessage, decode, encode, type ServerMessage, SUBPROTOCOL } from "../protocol/message.js";
import type { Socket, SocketFactory } from "../socket/socket.js";
import type { ConnectionState, ReconnectOptions } from "../types.js";
import { closeError, type Effect, type Input, type Phase, step } from "./machine.js";

/** How long opening a socket and being welcomed may take together. */
const CONNECT_MS_MAX = 15_000;
/** What the account may read has changed. */
const VISIBILITY_CHANGED = 4004;

export interface LinkOptions {
  readonly url: string;
  readonly socket: () => SocketFactory | Promise<SocketFactory>;
  readonly clock: Clock;
  readonly reconnect: ReconnectOptions;
  readonly token: () => string | null;
}

export interface LinkEvents {
  state(state: ConnectionState): void;
  message(message: ServerMessage): void;
  /** The socket is gone. `isStale`: what was shown before may be hidden now. */
  lost(error: CosmictronError, isStale: boolean): void;
  /** The server does not take this token, or no more. */
  refused(token: string | null): void;
  broken(error: CosmictronError): void;
}

export class Link {
  private phase: Phase = { phase: "idle" };
  private shown: ConnectionState = { phase: "idle" };
  private socket: Socket | null = null;
  /** Which attempt the socket's events belong to; a dropped socket's are not heard. */
  private round = 0;
  /** The token that the server knows this connection by. */
  private tokenSent: string | null = null;
  private cancelTimer: () => void = () => {};

  constructor(
    private readonly options: LinkOptions,
    private readonly events: LinkEvents,
  ) {}

  /** The same object until it changes, as `useSyncExternalStore` wants it. */
  get state(): ConnectionState {
    return this.shown;
  }

  get isConnected(): boolean {
    return this.phase.phase === "connected";
  }

  /** Connects, if nothing is under way and somebody is signed in. */
  want(): void {
    if (this.options.token() !== null) this.take({ type: "wanted" });
  }

  part(): void {
    this.take({ type: "parted" });
  }

  close(reason: string): void {
    this.take({ type: "closed", reason });
  }

  /** A fresh token of the same account; the connection goes on. */
  authenticate(token: string): void {
    if (!this.isConnected) return;
    this.tokenSent = token;
    this.send({ type: "authenticate", token });
  }

  send(message: ClientMessage | Uint8Array<ArrayBuffer>): void {
    this.socket?.send(message instanceof Uint8Array ? message : encode(message));
  }

  private take(input: Input): void {
    const before = this.phase;
    const { phase, effects } = step(before, input, this.options.reconnect);
    if (phase === before) return;
    this.phase = phase;
    this.shown = shown(phase);
    if (phase.phase !== "greeting") this.cancelTimer();
    for (const effect of effects) this.run(effect);
    if (this.phase === phase) this.events.state(this.shown);
  }

  private run(effect: Effect): void {
    switch (effect.do) {
      case "open":
        this.cancelTimer = this.options.clock.after(CONNECT_MS_MAX, () =>
          this.lose(new CosmictronError("disconnected", `no welcome within ${CONNECT_MS_MAX} ms`), false),
        );
        this.open();
        return;
      case "greet": {
        const token = this.options.token();
        this.tokenSent = token;
        if (token === null) this.lose(new CosmictronError("unauthenticated", "nobody is signed in"), false);
        else this.send({ type: "authenticate", token });
        return;
      }
      case "drop":
        this.round += 1;
        this.socket?.close(1000);
        this.socket = null;
        return;
      case "wait":
        this.cancelTimer = this.options.clock.after(effect.ms, () => this.take({ type: "due" }));
        return;
    }
  }

  private open(): void {
    this.round += 1;
    const round = this.round;
    const failed = (error: unknown) => {
      if (round === this.round) this.lose(new CosmictronError("disconnected", `no socket: ${error}`), false);
    };
    try {
      const factory = this.options.socket();
      if (factory instanceof Promise) factory.then((made) => this.openWith(made, round)).catch(failed);
      else this.openWith(factory, round);
    } catch (error) {
      failed(error);
    }
  }

  private openWith(factory: SocketFactory, round: number): void {
    if (round !== this.round) return;
    const socket = new factory(this.options.url, [SUBPROTOCOL]);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    const heard =
      <T>(hear: (event: T) => void) =>
      (event: T) => {
        if (round === this.round) hear(event);
      };
    socket.onopen = () => {
      if (round === this.round) this.take({ type: "opened" });
    };
    socket.onmessage = heard(({ data }) => this.receive(data));
    socket.onclose = heard(({ code, reason }) => this.lose(closeError(code, reason), code === VISIBILITY_CHANGED));
    // An error is always followed by a close, which says more.
    socket.onerror = null;
  }

  private receive(data: unknown): void {
    try {
      if (!(data instanceof ArrayBuffer)) throw new CosmictronError("protocol", "a message that is not binary");
      const message = decode(data);
      if (message === null) return;
      if (message.type === "welcome") this.take({ ...message, type: "welcomed" });
      this.events.message(message);
    } catch (error) {
      const broken = error instanceof CosmictronError ? error : new CosmictronError("protocol", String(error));
      this.events.broken(broken);
      this.lose(broken, true);
    }
  }

  private lose(error: CosmictronError, isStale: boolean): void {
    const { clock } = this.options;
    this.events.lost(error, isStale);
    this.take({ type: "lost", error, now: clock.now(), random: clock.random() });
    if (error.code !== "unauthenticated") return;
    this.events.refused(this.tokenSent);
    // With a newer token, if there is one.
    this.want();
  }
}

function shown(phase: Phase): ConnectionState {
  return phase.phase === "opening" || phase.phase === "greeting"
    ? { phase: "connecting", attempt: phase.attempt }
    : phase;
}
