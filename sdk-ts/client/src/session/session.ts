/** Who is signed in: tokens over HTTP, kept in a storage, refreshed well before they expire. */
import type { Clock } from "../clock.js";
import { CosmictronError } from "../errors.js";
import type { StoredSession, TokenStorage } from "../types.js";

export interface SessionOptions {
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly clock: Clock;
  readonly tokens: TokenStorage;
  readonly token: string | undefined;
}

export interface SessionEvents {
  changed(session: StoredSession | null, before: StoredSession | null): void;
  failed(error: CosmictronError): void;
  /** A sign-in has failed, or nothing was stored: whoever waited for it waits for nothing. */
  absent(): void;
}

/** A token is refreshed when a tenth of its life is left, or a minute and a half: the server warns at one minute. */
const REFRESH_MS_MIN = 90_000;
/** After a failed refresh. */
const RETRY_MS = 10_000;

export class Session {
  current: StoredSession | null = null;
  /** A sign-in or a load that is under way; never rejects. */
  pending: Promise<void> | null = null;
  private cancelRefresh: () => void = () => {};
  private readonly unwatch: () => void;

  constructor(
    private readonly options: SessionOptions,
    private readonly events: SessionEvents,
  ) {
    if (options.token !== undefined) {
      this.current = { token: options.token, identity: null, expiresAt: null };
      this.unwatch = () => {};
      return;
    }
    this.unwatch = options.tokens.watch?.((session) => this.set(session)) ?? (() => {});
    const loaded = options.tokens.load();
    if (loaded instanceof Promise) {
      const load = loaded.then((session) => this.current === null && session !== null && this.set(session));
      this.wait(
        load.catch((error) => events.failed(new CosmictronError("unauthenticated", `no stored session: ${error}`))),
      );
    } else {
      this.current = loaded;
      this.scheduleRefresh();
    }
  }

  /** Signs in by one of the public endpoints. Calls made meanwhile wait for it. */
  enter(path: string, body: object): Promise<void> {
    const entering = this.post(path, body, null).then((answer) => this.keep(sessionOf(answer)));
    this.wait(entering);
    return entering;
  }

  async requestMagicLink(email: string): Promise<void> {
    await this.post("magic-link/request", { email }, null);
  }

  async leave(): Promise<void> {
    const session = this.current;
    if (session === null) return;
    this.keep(null);
    await this.post("sign-out", null, session.token);
  }

  async refresh(): Promise<void> {
    const session = this.current;
    if (session === null) throw new CosmictronError("unauthenticated", "nobody is signed in");
    const fresh = sessionOf(await this.post("refresh", null, session.token));
    // Who has signed in or out meanwhile has the last word.
    if (this.current === session) this.keep(fresh);
  }

  /** What `welcome` says of a token that was given from elsewhere. */
  learn(identity: string, expiresAt: number): void {
    const session = this.current;
    if (session === null || (session.identity === identity && session.expiresAt === expiresAt)) return;
    this.set({ token: session.token, identity, expiresAt });
  }

  /** The server has refused the token. */
  forget(token: string | null): void {
    if (this.current?.token === token) this.keep(null);
  }

  close(): void {
    this.cancelRefresh();
    this.unwatch();
  }

  private wait(work: Promise<unknown>): void {
    const pending = work.then(
      () => {},
      () => {},
    );
    this.pending = pending;
    void pending.then(() => {
      if (this.pending !== pending) return;
      this.pending = null;
      if (this.current === null) this.events.absent();
    });
  }

  private keep(session: StoredSession | null): void {
    this.set(session);
    if (this.options.token !== undefined) return;
    const failed = (error: unknown) =>
      this.events.failed(new CosmictronError("closed", `the session was not stored: ${error}`));
    try {
      const saved = this.options.tokens.save(session);
      if (saved instanceof Promise) saved.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  private set(session: StoredSession | null): void {
    const before = this.current;
    this.current = session;
    this.scheduleRefresh();
    this.events.changed(session, before);
  }

  private scheduleRefresh(): void {
    this.cancelRefresh();
    const expiresAt = this.current?.expiresAt;
    if (expiresAt === undefined || expiresAt === null) return;
    const left = expiresAt * 1000 - this.options.clock.now();
    const early = Math.max(REFRESH_MS_MIN, left / 10);
    this.refreshAfter(left > early ? left - early : Math.min(RETRY_MS, Math.max(left / 2, 0)));
  }

  private refreshAfter(ms: number): void {
    this.cancelRefresh = this.options.clock.after(ms, () => {
      this.refresh().catch((error: CosmictronError) => {
        this.events.failed(error);
        const left = (this.current?.expiresAt ?? 0) * 1000 - this.options.clock.now();
        if (error.code === "unauthenticated") this.forget(this.current?.token ?? null);
        else if (left > 0) this.refreshAfter(RETRY_MS);
      });
    });
  }

  private async post(path: string, body: object | null, token: string | null): Promise<unknown> {
    const headers: Record<string, string> = {};
    if (body !== null) headers["content-type"] = "application/json";
    if (token !== null) headers.authorization = `Bearer ${token}`;
    let response: Response;
    try {
      const request: RequestInit = { method: "POST", headers };
      if (body !== null) request.body = JSON.stringify(body);
      response = await this.options.fetch(`${this.options.url}/v1/auth/${path}`, request);
    } catch (error) {
      throw new CosmictronError("disconnected", `no answer from the server: ${error}`);
    }
    if (!response.ok) throw await problem(response);
    const text = await response.text();
    return text === "" ? null : JSON.parse(text);
  }
}

function sessionOf(answer: unknown): StoredSession {
  const { token, identity, expires_at } = (answer ?? {}) as {
    token?: unknown;
    identity?: unknown;
    expires_at?: unknown;
  };
  if (typeof token !== "string" || typeof identity !== "string" || typeof expires_at !== "number") {
    throw new CosmictronError("protocol", "the answer has no token, identity and expires_at");
  }
  return { token, identity, expiresAt: expires_at };
}

async function problem(response: Response): Promise<CosmictronError> {
  const body = (await response.json().catch(() => ({}))) as { code?: string; detail?: string; title?: string };
  const after = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new CosmictronError(body.code ?? "protocol", body.detail ?? body.title ?? `status ${response.status}`, {
    status: response.status,
    ...(Number.isFinite(after) ? { retryAfter: after } : {}),
  });
}
