/** The client of Cosmictron: calls, queries and live rows over one socket. */
export { CosmictronClient } from "./client.js";
export type { Clock } from "./clock.js";
export {
  type ClientErrorCode,
  CosmictronError,
  type ErrorCode,
  type ErrorContext,
  type ServerErrorCode,
} from "./errors.js";
export type {
  AnySchema,
  Params,
  ReducerArgs,
  ReducerName,
  ReducerResult,
  Row,
  Schema,
  TableName,
  TableRow,
} from "./schema.js";
export { localTokens, memoryTokens } from "./session/tokens.js";
export type { Socket, SocketFactory } from "./socket/socket.js";
export type * from "./types.js";
