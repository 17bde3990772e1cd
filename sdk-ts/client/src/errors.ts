/** What can go wrong: one class, told apart by `code`. */

/** The codes that the server answers with; `docs/http-api.md` says when. */
export type ServerErrorCode =
  | "invalid_request"
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "method_not_allowed"
  | "not_acceptable"
  | "request_timeout"
  | "conflict"
  | "ambiguous_name"
  | "history_expired"
  | "too_large"
  | "target_too_long"
  | "unsupported_media_type"
  | "expectation_failed"
  | "reducer_failed"
  | "upgrade_required"
  | "rate_limited"
  | "headers_too_large"
  | "internal"
  | "not_implemented"
  | "overloaded"
  | "shutting_down"
  | "unavailable"
  | "deadline_exceeded"
  | "version_not_supported"
  | "out_of_space"
  | "token_expiring";

/** The codes of what fails on this side. */
export type ClientErrorCode =
  /** No answer came in time. A call may have run nevertheless. */
  | "timeout"
  /** The caller's `AbortSignal` fired. A call that was sent may have run nevertheless. */
  | "aborted"
  /** The client was closed, or the account changed while a call waited. */
  | "closed"
  /** No connection could be made, or it was lost. */
  | "disconnected"
  /** As many calls wait as may wait. */
  | "offline_queue_full"
  /** An integer is no exact `number`; the option `integers` says what to do with such. */
  | "integer_too_large"
  /** The other side does not speak the protocol. */
  | "protocol";

/** A server newer than this package may have codes that are not listed: they come as they are. */
export type ErrorCode = ServerErrorCode | ClientErrorCode | (string & {});

/** What comes with an error besides its code and detail. */
export interface ErrorContext {
  /** The HTTP status, where the answer came by HTTP. */
  readonly status?: number;
  /** In how many seconds it is worth while to try again. */
  readonly retryAfter?: number;
}

/** Every error that this package throws or rejects with. */
export class CosmictronError extends Error {
  override readonly name = "CosmictronError";
  readonly code: ErrorCode;
  /** In words, for the developer; of `reducer_failed` the reducer's own. */
  readonly detail: string;
  readonly status?: number;
  readonly retryAfter?: number;

  constructor(code: ErrorCode, detail: string, context: ErrorContext = {}) {
    super(`${code}: ${detail}`);
    this.code = code;
    this.detail = detail;
    if (context.status !== undefined) this.status = context.status;
    if (context.retryAfter !== undefined) this.retryAfter = context.retryAfter;
  }
}
