/**
 * A WebSocket for Node 20: RFC 6455 over `node:http`, as much as this client needs. It is loaded only where the platform has
 * none. It sends binary messages and offers no compression; the server sends each message in one frame.
 */
import type { Socket } from "./socket.js";

interface Duplex {
  write(bytes: Uint8Array): void;
  end(): void;
  destroy(): void;
  on(event: string, listener: (value: Uint8Array) => void): void;
}
interface UpgradeRequest {
  on(
    event: string,
    listener: (response: { readonly statusCode?: number }, socket: Duplex, head: Uint8Array) => void,
  ): void;
  end(): void;
  destroy(): void;
}
interface HttpModule {
  request(url: string, options: { readonly headers: Record<string, string> }): UpgradeRequest;
}

/** The server sends none that is longer; more is refused before it is gathered. */
const FRAME_BYTES_MAX = 1 << 30;
const [BINARY, CLOSE, PING, PONG] = [2, 8, 9, 10];

export class NodeSocket implements Socket {
  binaryType = "arraybuffer";
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  onerror: Socket["onerror"] = null;
  private stream: Duplex | null = null;
  private request: UpgradeRequest | null = null;
  private chunks: Uint8Array[] = [];
  private length = 0;
  private isOver = false;

  constructor(url: string, protocols: string[]) {
    void this.open(url.replace(/^ws/, "http"), protocols);
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    this.stream?.write(frame(BINARY, bytes));
  }

  close(code = 1000): void {
    this.stream?.write(frame(CLOSE, Uint8Array.of(code >> 8, code & 255)));
    this.stream?.end();
    if (this.stream === null) this.request?.destroy();
    this.finish(code, "");
  }

  private async open(url: string, protocols: string[]): Promise<void> {
    try {
      // The names are computed so that bundlers for browsers do not look for them.
      const name = ["node", url.startsWith("https") ? "https" : "http"].join(":");
      const http = (await import(name)) as HttpModule;
      if (this.isOver) return;
      const key = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))));
      const headers = {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": key,
        "sec-websocket-protocol": protocols.join(", "),
      };
      const request = http.request(url, { headers });
      this.request = request;
      request.on("upgrade", (_, stream, head) => this.upgraded(stream, head));
      request.on("response", ({ statusCode }) => this.finish(1006, `the server answered ${statusCode}`));
      request.on("error", (error) => this.finish(1006, String(error)));
      request.end();
    } catch (error) {
      this.finish(1006, String(error));
    }
  }

  private upgraded(stream: Duplex, head: Uint8Array): void {
    if (this.isOver) {
      stream.destroy();
      return;
    }
    this.stream = stream;
    stream.on("data", (bytes) => this.take(bytes));
    stream.on("close", () => this.finish(1006, ""));
    stream.on("error", () => this.finish(1006, ""));
    this.onopen?.();
    if (head.length > 0) this.take(head);
  }

  private take(bytes: Uint8Array): void {
    this.chunks.push(bytes);
    this.length += bytes.length;
    while (!this.isOver && this.takeFrame());
  }

  /** Whether there was a whole frame. */
  private takeFrame(): boolean {
    const head = this.peek(10);
    if (head.length < 2) return false;
    const short = head[1]! & 127;
    const headLength = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (head.length < headLength) return false;
    const view = new DataView(head.buffer, head.byteOffset);
    const length = short === 126 ? view.getUint16(2) : short === 127 ? Number(view.getBigUint64(2)) : short;
    if (length > FRAME_BYTES_MAX) {
      this.close(1009);
      return false;
    }
    if (this.length < headLength + length) return false;
    const whole = this.peek(headLength + length);
    this.skip(headLength + length);
    this.receive(head[0]! & 15, whole.slice(headLength));
    return true;
  }

  private receive(opcode: number, payload: Uint8Array<ArrayBuffer>): void {
    if (opcode === BINARY) this.onmessage?.({ data: payload.buffer });
    if (opcode === PING) this.stream?.write(frame(PONG!, payload));
    if (opcode !== CLOSE) return;
    this.stream?.write(frame(CLOSE, payload.subarray(0, 2)));
    this.stream?.end();
    const code = payload.length < 2 ? 1005 : (payload[0]! << 8) | payload[1]!;
    this.finish(code, new TextDecoder().decode(payload.subarray(2)));
  }

  /** Up to so many of the bytes that are there, in one piece. */
  private peek(length: number): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(Math.min(length, this.length));
    let at = 0;
    for (const chunk of this.chunks) {
      if (at === out.length) break;
      const part = chunk.subarray(0, out.length - at);
      out.set(part, at);
      at += part.length;
    }
    return out;
  }

  private skip(length: number): void {
    this.length -= length;
    let left = length;
    while (left > 0) {
      const first = this.chunks[0]!;
      if (first.length > left) this.chunks[0] = first.subarray(left);
      else this.chunks.shift();
      left -= Math.min(left, first.length);
    }
  }

  private finish(code: number, reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onclose?.({ code, reason });
  }
}

function frame(opcode: number | undefined, payload: Uint8Array): Uint8Array {
  const long = payload.length > 0xffff ? 8 : payload.length > 125 ? 2 : 0;
  const out = new Uint8Array(2 + long + 4 + payload.length);
  const view = new DataView(out.buffer);
  out[0] = 0x80 | opcode!;
  out[1] = 0x80 | (long === 8 ? 127 : long === 2 ? 126 : payload.length);
  if (long === 2) view.setUint16(2, payload.length);
  if (long === 8) view.setBigUint64(2, BigInt(payload.length));
  const mask = crypto.getRandomValues(new Uint8Array(4));
  out.set(mask, 2 + long);
  const start = 6 + long;
  for (let at = 0; at < payload.length; at++) out[start + at] = payload[at]! ^ mask[at & 3]!;
  return out;
}
