// Written by `cosmictron generate` for the module everything, version sha256:00.
// It is written anew when the module changes: what is changed here is lost.

/** Microseconds since the Unix epoch. */
export type Timestamp = bigint;

/** A span of time in microseconds. */
export type Duration = bigint;

/** An account: 64 hex digits. */
export type Identity = string;

/** A client's connection: 32 hex digits. */
export type ConnectionId = string;

/** 32 hex digits with hyphens. */
export type Uuid = string;

export interface Point {
  readonly x: number | "NaN" | "Infinity" | "-Infinity";
  readonly y: number | "NaN" | "Infinity" | "-Infinity";
}

export type Metres = number | "NaN" | "Infinity" | "-Infinity";

export type Shape =
  | "Nothing"
  | { readonly Circle: { readonly centre: Point; readonly radius: Metres } }
  | { readonly Line: readonly [Point, bigint | null] }
  | { readonly Self: string };

export type Marker = Record<string, never>;

export type Point2 = readonly [number, number];

/** A row of the table `aB`. */
export interface ABRow {
  readonly a_b: number;
  readonly aB: number;
}

/** A row of the table `a_b`. */
export interface ABRow2 {
  readonly class: number;
}

/** A row of the table `message`. */
export interface MessageRow {
  /** Primary key. A 0 is replaced by the next number. */
  readonly id: bigint;
  /** Refers to `room.id`. */
  readonly room: number;
  readonly type: string;
  readonly self: boolean;
  readonly reply_to: bigint | null;
  readonly shape: Shape;
  readonly marker: Marker;
  readonly deep: readonly [readonly (bigint | null)[] | null] | null;
  readonly twin: Point2;
}

/** A row of the table `room`. */
export interface RoomRow {
  /** Primary key. */
  readonly id: number;
  /** Unique. */
  readonly name: string;
}

/** A row of the table `sample`. */
export interface SampleRow {
  readonly yes: boolean;
  readonly i8: number;
  readonly i16: number;
  readonly i32: number;
  readonly i64: bigint;
  readonly i128: bigint;
  readonly u8: number;
  readonly u16: number;
  readonly u32: number;
  readonly u64: bigint;
  readonly u128: bigint;
  readonly f32: number;
  readonly f64: number | null;
  readonly string: string;
  readonly bytes: Uint8Array;
  readonly timestamp: Timestamp;
  readonly duration: Duration;
  readonly identity: Identity;
  readonly connection: ConnectionId;
  readonly uuid: Uuid;
  readonly list: readonly (readonly (number | "NaN" | "Infinity" | "-Infinity")[])[];
}

/** A row of the view `loud`. */
export interface LoudRow {
  readonly id: bigint;
  readonly text: string | null;
}

/** The arguments of the reducer `send`. */
export interface SendArgs {
  readonly room: number;
  readonly at: number | bigint | string;
  readonly raw: Uint8Array | string;
  readonly reply_to?: number | bigint | string | null | undefined;
  readonly weight: number | "NaN" | "Infinity" | "-Infinity";
  readonly where?: Metres | null | undefined;
  readonly all: readonly bigint[];
}

/** What the client has to know: `new CosmictronClient<Schema>(url)`. */
export type Schema = {
  tables: {
    aB: { row: ABRow; key: never };
    a_b: { row: ABRow2; key: never };
    message: { row: MessageRow; key: "id" };
    room: { row: RoomRow; key: "id" };
    sample: { row: SampleRow; key: never };
    loud: { row: LoudRow; key: never };
  };
  reducers: {
    delete: { args: Record<string, never>; result: undefined };
    send: { args: SendArgs; result: bigint };
  };
};
