/** The messages of `cosmictron.bin.v1`, as `docs/protocol.md` has them. */
import { CosmictronError } from "../errors.js";
import type { Params } from "../schema.js";
import { hex } from "./hex.js";
import { writeJson } from "./json.js";

export const SUBPROTOCOL = "cosmictron.bin.v1";

/** Where a batch stands in a message: its rows are read by `decodeBatch`, which has to know the columns. */
export interface Batch {
  readonly buffer: ArrayBuffer;
  readonly at: number;
}

export type ClientMessage =
  | { readonly type: "authenticate"; readonly token: string }
  | {
      readonly type: "call";
      readonly id: number;
      readonly reducer: string;
      readonly args: unknown;
      readonly module?: string | undefined;
      readonly idempotencyKey: string;
    }
  | {
      readonly type: "subscribe";
      readonly id: number;
      readonly query: string;
      readonly params: Params;
      readonly since: number | null;
    }
  | { readonly type: "unsubscribe"; readonly id: number }
  | { readonly type: "query"; readonly id: number; readonly query: string; readonly params: Params };

/** What an answer says of its rows. */
export interface Answer {
  readonly txId: number;
  readonly columns: readonly string[];
  readonly types: readonly string[];
}

export interface Change {
  readonly id: number;
  readonly inserts: Batch;
  readonly deletes: Batch;
}

export type ServerMessage =
  | { readonly type: "welcome"; readonly identity: string; readonly connectionId: string; readonly expiresAt: number }
  | {
      readonly type: "called";
      readonly id: number;
      readonly txId: number;
      readonly durationMs: number;
      readonly result: string | null;
    }
  | ({
      readonly type: "subscribed";
      readonly id: number;
      readonly rows: Batch | null;
      readonly resumed: boolean;
      readonly key: readonly number[] | null;
    } & Answer)
  | { readonly type: "update"; readonly txId: number; readonly changes: readonly Change[] }
  | { readonly type: "unsubscribed"; readonly id: number }
  | ({ readonly type: "rows"; readonly id: number; readonly rows: Batch } & Answer)
  | { readonly type: "error"; readonly id: number | null; readonly code: string; readonly detail: string };

/** The numbers of messages and fields. */
export const MESSAGE = {
  authenticate: 1,
  call: 2,
  subscribe: 3,
  unsubscribe: 4,
  query: 5,
  welcome: 16,
  called: 17,
  subscribed: 18,
  update: 19,
  unsubscribed: 20,
  rows: 21,
  error: 22,
} as const;
export const FIELD = {
  id: 1,
  token: 3,
  reducer: 4,
  module: 5,
  args: 6,
  idempotencyKey: 7,
  query: 8,
  params: 9,
  since: 10,
  txId: 11,
  identity: 12,
  connectionId: 13,
  expiresAt: 14,
  status: 15,
  durationMs: 16,
  result: 17,
  columns: 18,
  types: 19,
  rows: 20,
  resumed: 21,
  changes: 22,
  code: 23,
  detail: 24,
  key: 25,
} as const;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A field to be written; undefined is left out. */
export type Field = readonly [number: number, value: number | string | Uint8Array | undefined];

export function encodeMessage(message: number, fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  const values = fields.flatMap(([number, value]) =>
    value === undefined ? [] : [{ number, bytes: fieldBytes(value) }],
  );
  const length = values.reduce((sum, { bytes }) => sum + 8 + padded(bytes.length), 8);
  const out = new Uint8Array(length);
  const view = new DataView(out.buffer);
  view.setUint32(0, message, true);
  let at = 8;
  for (const { number, bytes } of values) {
    view.setUint32(at, number, true);
    view.setUint32(at + 4, bytes.length, true);
    out.set(bytes, at + 8);
    at += 8 + padded(bytes.length);
  }
  return out;
}

const padded = (length: number) => Math.ceil(length / 8) * 8;

function fieldBytes(value: number | string | Uint8Array): Uint8Array {
  if (typeof value === "string") return ENCODER.encode(value);
  if (typeof value !== "number") return value;
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

export function encode(message: ClientMessage): Uint8Array<ArrayBuffer> {
  return encodeMessage(MESSAGE[message.type], fieldsOf(message));
}

function fieldsOf(message: ClientMessage): Field[] {
  switch (message.type) {
    case "authenticate":
      return [[FIELD.token, message.token]];
    case "unsubscribe":
      return [[FIELD.id, message.id]];
    case "call":
      return [
        [FIELD.id, message.id],
        [FIELD.reducer, message.reducer],
        [FIELD.module, message.module],
        [FIELD.args, writeJson(message.args)],
        [FIELD.idempotencyKey, message.idempotencyKey],
      ];
    case "subscribe":
    case "query":
      return [
        [FIELD.id, message.id],
        [FIELD.query, message.query],
        [FIELD.params, message.params.length === 0 ? undefined : writeJson(message.params)],
        [FIELD.since, message.type === "subscribe" && message.since !== null ? message.since : undefined],
      ];
  }
}

/** Fields in the order in which they stand. Every position is checked by the views that are made on it. */
export class FieldReader {
  private readonly view: DataView;
  private readonly places: { readonly number: number; readonly at: number; readonly length: number }[] = [];

  constructor(private readonly buffer: ArrayBuffer) {
    this.view = new DataView(buffer);
    for (let at = 8; at < buffer.byteLength; ) {
      const length = this.view.getUint32(at + 4, true);
      this.places.push({ number: this.view.getUint32(at, true), at: at + 8, length });
      at += 8 + padded(length);
    }
  }

  all() {
    return this.places;
  }

  has(number: number): boolean {
    return this.places.some((place) => place.number === number);
  }

  place(number: number) {
    const place = this.places.find((place) => place.number === number);
    if (place === undefined) throw new CosmictronError("protocol", `a message lacks field ${number}`);
    return place;
  }

  bytes(number: number): Uint8Array {
    const { at, length } = this.place(number);
    return new Uint8Array(this.buffer, at, length);
  }

  text(number: number): string {
    return DECODER.decode(this.bytes(number));
  }

  number(number: number): number {
    return this.numberAt(this.place(number).at);
  }

  numberAt(at: number): number {
    return this.view.getUint32(at + 4, true) * 0x100000000 + this.view.getUint32(at, true);
  }

  float(number: number): number {
    return this.view.getFloat64(this.place(number).at, true);
  }

  batch(number: number): Batch {
    return { buffer: this.buffer, at: this.place(number).at };
  }
}

/** Null is a message of a kind that this package does not know, to be passed over. */
export function decode(buffer: ArrayBuffer): ServerMessage | null {
  try {
    return decodeFields(new DataView(buffer).getUint32(0, true), new FieldReader(buffer), buffer);
  } catch (error) {
    throw error instanceof CosmictronError ? error : new CosmictronError("protocol", `a malformed message: ${error}`);
  }
}

function decodeFields(message: number, fields: FieldReader, buffer: ArrayBuffer): ServerMessage | null {
  switch (message) {
    case MESSAGE.welcome:
      return {
        type: "welcome",
        identity: hex(fields.bytes(FIELD.identity)),
        connectionId: hex(fields.bytes(FIELD.connectionId)),
        expiresAt: fields.number(FIELD.expiresAt),
      };
    case MESSAGE.called:
      return {
        type: "called",
        id: fields.number(FIELD.id),
        txId: fields.number(FIELD.txId),
        durationMs: fields.float(FIELD.durationMs),
        result: fields.has(FIELD.result) ? fields.text(FIELD.result) : null,
      };
    case MESSAGE.subscribed:
      return {
        type: "subscribed",
        id: fields.number(FIELD.id),
        ...answer(fields),
        rows: fields.has(FIELD.rows) ? fields.batch(FIELD.rows) : null,
        resumed: fields.number(FIELD.resumed) === 1,
        key: fields.has(FIELD.key) ? (JSON.parse(fields.text(FIELD.key)) as number[]) : null,
      };
    case MESSAGE.update:
      return { type: "update", txId: fields.number(FIELD.txId), changes: changes(fields, buffer) };
    case MESSAGE.unsubscribed:
      return { type: "unsubscribed", id: fields.number(FIELD.id) };
    case MESSAGE.rows:
      return { type: "rows", id: fields.number(FIELD.id), ...answer(fields), rows: fields.batch(FIELD.rows) };
    case MESSAGE.error:
      return {
        type: "error",
        id: fields.has(FIELD.id) ? fields.number(FIELD.id) : null,
        code: fields.text(FIELD.code),
        detail: fields.text(FIELD.detail),
      };
    default:
      return null;
  }
}

function answer(fields: FieldReader): Answer {
  return {
    txId: fields.number(FIELD.txId),
    columns: JSON.parse(fields.text(FIELD.columns)) as string[],
    types: JSON.parse(fields.text(FIELD.types)) as string[],
  };
}

/** The one place where the order of fields means something: an id, then what has changed for it. */
function changes(fields: FieldReader, buffer: ArrayBuffer): Change[] {
  const found: Change[] = [];
  let id = 0;
  for (const place of fields.all()) {
    if (place.number === FIELD.id) id = fields.numberAt(place.at);
    if (place.number !== FIELD.changes) continue;
    const insertsBytes = new DataView(buffer).getUint32(place.at, true);
    found.push({ id, inserts: { buffer, at: place.at }, deletes: { buffer, at: place.at + insertsBytes } });
  }
  return found;
}
