/**
 * A server in memory, for tests without one. It speaks the real protocol to the real client, by a WebSocket and a `fetch` of its
 * own; queries are known by their text, and reducers are functions that say what they change.
 */
import { CosmictronError } from "../errors.js";
import { writeJson } from "../protocol/json.js";
import { type ClientMessage, encodeMessage, FIELD, type Field, MESSAGE } from "../protocol/message.js";
import type { Row } from "../schema.js";
import type { Socket, SocketFactory } from "../socket/socket.js";
import type { ClientOptions } from "../types.js";
import { decodeRequest, encodeBatch } from "./encode.js";

export interface FakeQuery {
  readonly columns: readonly string[];
  readonly types: readonly string[];
  readonly key?: readonly string[];
  rows: Row[];
}

/** Rows that come to a query and go from it; those that go are given whole. */
export interface FakeChange {
  readonly sql: string;
  readonly inserts?: readonly Row[];
  readonly deletes?: readonly Row[];
}

export interface FakeOutcome {
  readonly changes?: readonly FakeChange[];
  readonly result?: unknown;
}

interface Commit {
  readonly txId: number;
  readonly changes: readonly FakeChange[];
}

export const FAKE_IDENTITY = "1".repeat(64);
const TOKEN_SECONDS = 3_600;

export class FakeServer {
  readonly url = "ws://fake";
  /** How often each reducer has run. */
  readonly runs: string[] = [];
  /** What clients have sent, in order. */
  readonly received: ClientMessage[] = [];
  /** Whether it still knows the past that a `since` names. */
  remembers = true;
  /** Whether sockets open. */
  isUp = true;
  private txId = 0;
  private tokens = 0;
  private readonly queries = new Map<string, FakeQuery>();
  private readonly reducers = new Map<string, (args: Row) => FakeOutcome>();
  private readonly answers = new Map<string, readonly Field[]>();
  private readonly log: Commit[] = [];
  private readonly sockets = new Set<FakeSocket>();
  private isHolding = false;

  constructor(private readonly now: () => number = () => Date.now()) {}

  query(sql: string, query: FakeQuery): void {
    this.queries.set(sql, query);
  }

  reducer(name: string, run: (args: Row) => FakeOutcome): void {
    this.reducers.set(name, run);
  }

  /** What a client needs to talk to this server instead of a real one. */
  options(): ClientOptions {
    const server = this;
    const factory = class extends FakeSocket {
      constructor() {
        super(server);
      }
    } as unknown as SocketFactory;
    return { WebSocket: factory, fetch: (input) => this.fetch(String(input)) };
  }

  /** One transaction; returns its id. */
  commit(changes: readonly FakeChange[]): number {
    this.txId += 1;
    this.log.push({ txId: this.txId, changes });
    for (const { sql, inserts = [], deletes = [] } of changes) {
      const query = this.known(sql);
      for (const row of deletes)
        query.rows.splice(
          query.rows.findIndex((held) => writeJson(held) === writeJson(row)),
          1,
        );
      query.rows.push(...inserts);
    }
    for (const socket of this.sockets) this.tell(socket, this.txId, changes);
    return this.txId;
  }

  /** Keeps back what it has to say, until `release`. */
  hold(): void {
    this.isHolding = true;
  }

  release(): void {
    this.isHolding = false;
    for (const socket of this.sockets) this.flush(socket);
  }

  /** Ends all connections; what was kept back is lost. */
  drop(code = 1006): void {
    for (const socket of [...this.sockets]) socket.lose(code);
  }

  attach(socket: FakeSocket): void {
    queueMicrotask(() => {
      if (socket.isOver) return;
      if (!this.isUp) return socket.lose(1006);
      this.sockets.add(socket);
      socket.onopen?.();
    });
  }

  detach(socket: FakeSocket): void {
    this.sockets.delete(socket);
  }

  receive(socket: FakeSocket, bytes: Uint8Array<ArrayBuffer>): void {
    const message = decodeRequest(bytes);
    this.received.push(message);
    try {
      this.answer(socket, message);
    } catch (error) {
      const code = error instanceof CosmictronError ? error.code : "reducer_failed";
      const detail = error instanceof CosmictronError ? error.detail : String(error);
      const id: Field[] = "id" in message ? [[FIELD.id, message.id]] : [];
      this.say(socket, MESSAGE.error, [...id, [FIELD.code, code], [FIELD.detail, detail]]);
    }
  }

  private answer(socket: FakeSocket, message: ClientMessage): void {
    switch (message.type) {
      case "authenticate":
        this.say(socket, MESSAGE.welcome, [
          [FIELD.identity, new Uint8Array(32).fill(0x11)],
          [FIELD.connectionId, new Uint8Array(16)],
          [FIELD.expiresAt, Math.floor(this.now() / 1000) + TOKEN_SECONDS],
        ]);
        return;
      case "call":
        this.say(socket, MESSAGE.called, [[FIELD.id, message.id], ...this.called(message)]);
        return;
      case "subscribe":
        this.subscribed(socket, message);
        return;
      case "unsubscribe":
        socket.subscriptions.delete(message.id);
        this.say(socket, MESSAGE.unsubscribed, [[FIELD.id, message.id]]);
        return;
      case "query": {
        const query = this.known(message.query);
        const rows = encodeBatch(query.rows, query.columns);
        this.say(socket, MESSAGE.rows, [[FIELD.id, message.id], ...this.head(query), [FIELD.rows, rows]]);
      }
    }
  }

  /** The first answer to an idempotency key is every answer to it. */
  private called(message: ClientMessage & { type: "call" }): readonly Field[] {
    const known = this.answers.get(message.idempotencyKey);
    if (known !== undefined) return known;
    const run = this.reducers.get(message.reducer);
    if (run === undefined) throw new CosmictronError("not_found", `no reducer ${message.reducer}`);
    this.runs.push(message.reducer);
    const { changes = [], result } = run(message.args as Row);
    const answer: Field[] = [
      [FIELD.txId, this.commit(changes)],
      [FIELD.status, "committed"],
      [FIELD.durationMs, new Uint8Array(8)],
      [FIELD.result, result === undefined ? undefined : writeJson(result)],
    ];
    this.answers.set(message.idempotencyKey, answer);
    return answer;
  }

  private subscribed(socket: FakeSocket, { id, query: sql, since }: ClientMessage & { type: "subscribe" }): void {
    const query = this.known(sql);
    const resumed = since !== null && this.remembers;
    socket.subscriptions.set(id, sql);
    const key = query.key?.map((column) => query.columns.indexOf(column));
    this.say(socket, MESSAGE.subscribed, [
      [FIELD.id, id],
      ...this.head(query, resumed ? since : this.txId),
      [FIELD.resumed, resumed ? 1 : 0],
      [FIELD.key, key === undefined ? undefined : JSON.stringify(key)],
      [FIELD.rows, resumed ? undefined : encodeBatch(query.rows, query.columns)],
    ]);
    if (!resumed) return;
    for (const { txId, changes } of this.log) if (txId > since) this.tell(socket, txId, changes, id);
  }

  private head(query: FakeQuery, txId = this.txId): Field[] {
    return [
      [FIELD.txId, txId],
      [FIELD.columns, JSON.stringify(query.columns)],
      [FIELD.types, JSON.stringify(query.types)],
    ];
  }

  private tell(socket: FakeSocket, txId: number, changes: readonly FakeChange[], only?: number): void {
    const fields: Field[] = [];
    for (const [id, sql] of socket.subscriptions) {
      if (only !== undefined && id !== only) continue;
      for (const change of changes.filter((change) => change.sql === sql)) {
        const { columns } = this.known(sql);
        const [come, go] = [encodeBatch(change.inserts ?? [], columns), encodeBatch(change.deletes ?? [], columns)];
        const both = new Uint8Array(come.length + go.length);
        both.set(come);
        both.set(go, come.length);
        fields.push([FIELD.id, id], [FIELD.changes, both]);
      }
    }
    if (fields.length > 0) this.say(socket, MESSAGE.update, [[FIELD.txId, txId], ...fields]);
  }

  private known(sql: string): FakeQuery {
    const query = this.queries.get(sql);
    if (query === undefined) throw new CosmictronError("invalid_request", `the fake server knows no query ${sql}`);
    return query;
  }

  private say(socket: FakeSocket, message: number, fields: readonly Field[]): void {
    socket.waiting.push(encodeMessage(message, fields).buffer);
    if (!this.isHolding) queueMicrotask(() => this.isHolding || this.flush(socket));
  }

  private flush(socket: FakeSocket): void {
    for (const data of socket.waiting.splice(0)) if (!socket.isOver) socket.onmessage?.({ data });
  }

  private async fetch(url: string): Promise<Response> {
    if (url.endsWith("sign-out") || url.endsWith("request")) return new Response(null, { status: 204 });
    this.tokens += 1;
    const expires_at = Math.floor(this.now() / 1000) + TOKEN_SECONDS;
    return Response.json({ token: `token-${this.tokens}`, identity: FAKE_IDENTITY, expires_at });
  }
}

class FakeSocket implements Socket {
  binaryType = "arraybuffer";
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  isOver = false;
  readonly subscriptions = new Map<number, string>();
  readonly waiting: ArrayBuffer[] = [];

  constructor(private readonly server: FakeServer) {
    server.attach(this);
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.isOver) this.server.receive(this, bytes);
  }

  close(): void {
    this.isOver = true;
    this.server.detach(this);
  }

  lose(code: number): void {
    this.close();
    this.onclose?.({ code, reason: "" });
  }
}
