// Prints what rows cost: `COSMICTRON_BIN=… npm run bench`. Needs the module of test/server; see measure.ts.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
process.env.COSMICTRON_MODULE ??= path("../test/server/module/target/wasm32-unknown-unknown/release/users.wasm");
const folder = mkdtempSync(join(tmpdir(), "cosmictron-bench-"));
const outfile = join(folder, "measure.mjs");
await build({
  entryPoints: [path("measure.ts")],
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  outfile,
});
await import(pathToFileURL(outfile).href);
rmSync(folder, { recursive: true });
