// What an app pays: the bundles, minified and compressed by gzip, against their bounds. Fails when one is exceeded.
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const entry = fileURLToPath(new URL("../src/index.ts", import.meta.url));
const everything = `export * from ${JSON.stringify(entry)};`;
const errorAlone = `export { CosmictronError } from ${JSON.stringify(entry)};`;
const BUNDLES = [
  { name: "all of @cosmictron/client", source: everything, gzipBytesMax: 15_000 },
  { name: "CosmictronError alone (the rest is shaken off)", source: errorAlone, gzipBytesMax: 500 },
];

async function gzipBytes(source) {
  const result = await build({
    stdin: { contents: source, resolveDir: fileURLToPath(new URL("..", import.meta.url)), loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    // Node's socket becomes a file of its own, which browsers never load.
    splitting: true,
    outdir: "out",
    write: false,
  });
  const main = result.outputFiles.find(({ path }) => path.endsWith("stdin.js"));
  return gzipSync(main.contents, { level: 9 }).length;
}

let isExceeded = false;
for (const { name, source, gzipBytesMax } of BUNDLES) {
  const bytes = await gzipBytes(source);
  console.log(`${name}: ${bytes} bytes of ${gzipBytesMax}`);
  isExceeded ||= bytes > gzipBytesMax;
}
if (isExceeded) process.exitCode = 1;
