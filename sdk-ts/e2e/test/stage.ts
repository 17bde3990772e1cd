/** The real server with the chat module, the app as its developer sees it, and a browser. */
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { Server } from "../../client/test/server/server.js";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const CHAT = path("../../../examples/chat/");
const SHOTS = path("../screenshots/");

interface Vite {
  createServer(options: object): Promise<{
    listen(): Promise<unknown>;
    close(): Promise<void>;
    resolvedUrls: { local: string[] };
  }>;
}

export class Stage {
  private constructor(
    readonly server: Server,
    private readonly browser: Browser,
    private readonly app: { url: string; close(): Promise<void> },
  ) {}

  static async set(): Promise<Stage> {
    const file = `${CHAT}target/wasm32-unknown-unknown/release/chat.wasm`;
    const server = await Server.start({ name: "chat", file });
    const app = await serveApp(server.url);
    const executablePath = process.env.CHROMIUM_BIN ?? "/usr/bin/chromium";
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    await mkdir(SHOTS, { recursive: true });
    return new Stage(server, browser, app);
  }

  /** Somebody with a browser of their own, signed up and named. */
  async person(name: string, width: number, height: number, colorScheme: "light" | "dark" = "light"): Promise<Page> {
    const context = await this.browser.newContext({ viewport: { width, height }, colorScheme });
    const page = await context.newPage();
    await page.goto(this.app.url);
    await page.getByRole("button", { name: "I am new here" }).click();
    await page.getByLabel("E-mail").fill(`${name}@example.com`);
    await page.getByLabel("Password").fill("secret");
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByRole("heading", { name: "Rooms" }).waitFor();
    return page;
  }

  async strike(): Promise<void> {
    await this.browser.close();
    await this.app.close();
    await this.server.stop();
  }
}

export async function shoot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${SHOTS}${name}.png` });
}

async function serveApp(url: string) {
  process.env.VITE_COSMICTRON_URL = url;
  const root = `${CHAT}app`;
  const package_ = createRequire(`${root}/`).resolve("vite/package.json");
  const vite: Vite = await import(new URL("dist/node/index.js", pathToFileURL(package_)).href);
  const app = await vite.createServer({
    root,
    server: { host: "127.0.0.1", port: 0, fs: { strict: false } },
    logLevel: "error",
  });
  await app.listen();
  return { url: app.resolvedUrls.local[0] ?? "", close: () => app.close() };
}
