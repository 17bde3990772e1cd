/**
 * The real server with a directory of its own, and one module; `COSMICTRON_BIN` names the binary. The browser's tests use it too.
 *
 * Clients reach it through a door that stays when the server is killed, since the next one listens on another port: the
 * kernel may give the old one back only some time after the process has gone.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server as Listener, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface Module {
  readonly name: string;
  readonly file: string | URL;
}

const USERS: Module = {
  name: "users",
  file: new URL("module/target/wasm32-unknown-unknown/release/users.wasm", import.meta.url),
};

export class Server {
  readonly #folder = mkdtempSync(join(tmpdir(), "cosmictron-"));
  readonly #door = new Door();
  #process: ChildProcess | null = null;

  /** Starts one, and deploys the module. */
  static async start(module = USERS): Promise<Server> {
    const server = new Server();
    await server.#door.open();
    await server.run();
    await server.#deploy(module);
    return server;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#door.port}`;
  }

  /** Starts again on the same directory, after `kill`. */
  async run(): Promise<void> {
    const binary = process.env.COSMICTRON_BIN;
    if (!binary) throw new Error("COSMICTRON_BIN names no server");
    const listen = ["--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    const started = spawn(binary, ["serve", ...listen, "--data-dir", join(this.#folder, "data")], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, COSMICTRON_LOG_FORMAT: "json" },
    });
    this.#process = started;
    this.#door.target = await addressOf(started);
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = null;
    this.#door.target = null;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    running.kill("SIGKILL");
    await once(running, "exit");
  }

  /** Ends all connections, and nothing else. */
  disconnect(): void {
    this.#door.disconnect();
  }

  async stop(): Promise<void> {
    await this.kill();
    this.#door.close();
    rmSync(this.#folder, { recursive: true });
  }

  async #deploy({ name, file }: Module): Promise<void> {
    const form = new FormData();
    form.set("name", name);
    form.set("module", new Blob([readFileSync(file)]), `${name}.wasm`);
    const token = readFileSync(join(this.#folder, "data", "admin.token"), "utf8").trim();
    const headers = { Authorization: `Bearer ${token}` };
    const response = await fetch(`${this.url.replace("ws", "http")}/v1/modules`, {
      method: "POST",
      headers,
      body: form,
    });
    if (!response.ok) throw new Error(`deploying answers ${response.status}: ${await response.text()}`);
  }
}

/** The port that a server says it listens on. What it says later is read and dropped: a full pipe would hold it back. */
async function addressOf(started: ChildProcess): Promise<number> {
  const lines = createInterface({ input: started.stderr as NonNullable<ChildProcess["stderr"]> });
  return new Promise((resolve, reject) => {
    const log: string[] = [];
    lines.on("line", (line) => {
      const address =
        /"message":"ready".*"address":"127\.0\.0\.1:(\d+)"|"address":"127\.0\.0\.1:(\d+)".*"message":"ready"/.exec(
          line,
        );
      if (address) resolve(Number(address[1] ?? address[2]));
      else log.push(line);
    });
    lines.on("close", () => reject(new Error(`the server does not start:\n${log.join("\n")}`)));
  });
}

/** Hands connections on to whoever is behind it now; closes them while nobody is. */
class Door {
  target: number | null = null;
  readonly #sockets = new Set<Socket>();
  readonly #listener: Listener = createServer((outside) => this.#enter(outside));

  async open(): Promise<void> {
    this.#listener.listen(0, "127.0.0.1");
    await once(this.#listener, "listening");
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.disconnect();
    this.#listener.close();
  }

  #enter(outside: Socket): void {
    if (this.target === null) return void outside.destroy();
    const inside = connect(this.target, "127.0.0.1");
    for (const [one, other] of [
      [outside, inside],
      [inside, outside],
    ] as const) {
      this.#sockets.add(one);
      one.setNoDelay(true).pipe(other);
      one.on("error", () => {}); // `close` follows.
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
