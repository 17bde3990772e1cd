/** A real server on a free port and in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Clients reach it by a gate whose address stays, while the server has another one after each start. */
export class RealServer {
  private readonly open = new Set<Socket>();

  private constructor(
    private process: ChildProcess,
    private port: number,
    private readonly folder: string,
    private readonly gate: Server,
  ) {
    gate.on("connection", (socket) => this.pass(socket));
  }

  static async start(): Promise<RealServer> {
    const folder = await mkdtemp(join(tmpdir(), "cosmictron-"));
    const { process, port } = await serve(folder);
    const gate = createServer();
    await new Promise<void>((resolve) => gate.listen(0, "127.0.0.1", resolve));
    return new RealServer(process, port, folder, gate);
  }

  private get address(): string {
    return `127.0.0.1:${(this.gate.address() as AddressInfo).port}`;
  }

  private pass(inside: Socket): void {
    const outside = connect(this.port, "127.0.0.1");
    for (const [one, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      this.open.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.open.delete(one);
        other.destroy();
      });
    }
  }

  /** Ends every connection, as a network does. */
  cut(): void {
    for (const socket of this.open) socket.destroy();
  }

  get url(): string {
    return `ws://${this.address}`;
  }

  async deploy(name: string, path: string): Promise<void> {
    const form = new FormData();
    form.set("name", name);
    form.set("module", new Blob([await readFile(path)]), "module.wasm");
    const token = (await readFile(join(this.folder, "data", "admin.token"), "utf8")).trim();
    const answer = await fetch(`http://${this.address}/v1/modules`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: form,
    });
    if (!answer.ok) throw new Error(`deploy: ${answer.status} ${await answer.text()}`);
  }

  /** Ends without a word, and starts again. */
  async crash(): Promise<void> {
    await ended(this.process, "SIGKILL");
    ({ process: this.process, port: this.port } = await serve(this.folder));
  }

  async stop(): Promise<void> {
    await ended(this.process, "SIGTERM");
    this.cut();
    this.gate.close();
    await rm(this.folder, { recursive: true });
  }
}

function ended(process: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  return new Promise((resolve) => {
    process.once("exit", () => resolve());
    process.kill(signal);
  });
}

function serve(folder: string): Promise<{ process: ChildProcess; port: number }> {
  const binary = process.env["COSMICTRON_BIN"];
  if (binary === undefined) throw new Error("COSMICTRON_BIN names no server binary");
  const args = [
    "serve",
    "--listen",
    "127.0.0.1:0",
    "--metrics-listen",
    "127.0.0.1:0",
    "--data-dir",
    join(folder, "data"),
  ];
  const child = spawn(binary, args, { stdio: ["ignore", "pipe", "pipe"] });
  return new Promise((resolve, reject) => {
    let log = "";
    const read = (bytes: Buffer) => {
      log += bytes.toString();
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the log may be coloured
      const port = /ready.*?address=\S+?:(\d+)/.exec(log.replace(/\u001b\[\d*m/g, ""))?.[1];
      if (port !== undefined) resolve({ process: child, port: Number(port) });
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${log}`)));
  });
}
