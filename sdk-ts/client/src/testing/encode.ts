/** The server's half of `cosmictron.bin.v1`: writes batches, in a form that is simple where the real server's is short. */
import { writeJson } from "../protocol/json.js";
import { type ClientMessage, FIELD, FieldReader, MESSAGE } from "../protocol/message.js";
import type { Row } from "../schema.js";

const [BOOL, SIGNED, FLOAT, TEXT, JSON_TEXT, BYTES] = [1, 3, 4, 5, 6, 8];

/** Columns of one kind each; whatever is no scalar goes as JSON. */
export function encodeBatch(rows: readonly Row[], columns: readonly string[]): Uint8Array {
  const out: number[] = [];
  const count = rows.length === 0 ? 0 : columns.length;
  const kinds = columns.slice(0, count).map((column) => kindOf(rows.map((row) => row[column] as unknown)));
  const texts: string[] = [];
  for (const kind of kinds) out.push(kind, widthOf(kind), 1, 0);
  columns.slice(0, count).forEach((column, place) => {
    writeColumn(
      out,
      kinds[place] ?? TEXT,
      rows.map((row) => row[column] as unknown),
      texts,
    );
  });
  const text = new TextEncoder().encode(texts.join(""));
  const length = Math.ceil((16 + out.length + text.length) / 8) * 8;
  const bytes = new Uint8Array(length);
  new Uint32Array(bytes.buffer, 0, 4).set([length, rows.length, text.length, count]);
  bytes.set(out, 16);
  bytes.set(text, 16 + out.length);
  return bytes;
}

function kindOf(values: readonly unknown[]): number {
  const some = values.filter((value) => value !== null);
  const all = (is: (value: unknown) => boolean) => some.every(is);
  if (all((value) => typeof value === "boolean")) return BOOL!;
  if (all((value) => typeof value === "bigint" || Number.isSafeInteger(value))) return SIGNED!;
  if (all((value) => typeof value === "number")) return FLOAT!;
  if (all((value) => typeof value === "string")) return TEXT!;
  return all((value) => value instanceof Uint8Array) ? BYTES! : JSON_TEXT!;
}

function widthOf(kind: number): number {
  if (kind === BOOL) return 1;
  return kind === SIGNED || kind === FLOAT ? 8 : 4;
}

function writeColumn(out: number[], kind: number, values: readonly unknown[], texts: string[]): void {
  for (let at = 0; at < values.length; at += 8) {
    out.push(values.slice(at, at + 8).reduce<number>((bits, value, bit) => bits | (value === null ? 1 << bit : 0), 0));
  }
  const width = widthOf(kind);
  // The batch has 16 bytes before these, a multiple of every width.
  while (out.length % width !== 0) out.push(0);
  const view = new DataView(new ArrayBuffer(values.length * width));
  values.forEach((value, row) => {
    if (value === null) return;
    if (kind === BOOL) view.setUint8(row, value === true ? 1 : 0);
    else if (kind === SIGNED) view.setBigInt64(8 * row, BigInt(value as number), true);
    else if (kind === FLOAT) view.setFloat64(8 * row, value as number, true);
    else view.setUint32(4 * row, lengthOf(kind, value, texts), true);
  });
  for (const byte of new Uint8Array(view.buffer)) out.push(byte);
  if (kind === BYTES) for (const value of values) out.push(...((value as Uint8Array | null) ?? []));
}

/** Gathers the text behind a length. */
function lengthOf(kind: number, value: unknown, texts: string[]): number {
  if (kind === BYTES) return (value as Uint8Array).length;
  const text = kind === JSON_TEXT ? writeJson(value) : (value as string);
  texts.push(text);
  return text.length;
}

/** What a client has sent. */
export function decodeRequest(bytes: Uint8Array<ArrayBuffer>): ClientMessage {
  const buffer = bytes.slice().buffer;
  const fields = new FieldReader(buffer);
  const number = new DataView(buffer).getUint32(0, true);
  const params = () => (fields.has(FIELD.params) ? (JSON.parse(fields.text(FIELD.params)) as unknown[]) : []);
  switch (number) {
    case MESSAGE.authenticate:
      return { type: "authenticate", token: fields.text(FIELD.token) };
    case MESSAGE.call:
      return {
        type: "call",
        id: fields.number(FIELD.id),
        reducer: fields.text(FIELD.reducer),
        args: JSON.parse(fields.text(FIELD.args)),
        idempotencyKey: fields.text(FIELD.idempotencyKey),
      };
    case MESSAGE.subscribe: {
      const since = fields.has(FIELD.since) ? fields.number(FIELD.since) : null;
      return {
        type: "subscribe",
        id: fields.number(FIELD.id),
        query: fields.text(FIELD.query),
        params: params(),
        since,
      };
    }
    case MESSAGE.query:
      return { type: "query", id: fields.number(FIELD.id), query: fields.text(FIELD.query), params: params() };
    default:
      return { type: "unsubscribe", id: fields.number(FIELD.id) };
  }
}
