// Fails when the package has become larger than it may be: bundled, minified and gzipped, as a browser gets it.
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const BYTES_MAX = 15_000;

const entry = fileURLToPath(new URL("../dist/index.js", import.meta.url));
const { outputFiles } = await build({
  stdin: { contents: `export * from ${JSON.stringify(entry)}`, resolveDir: "." },
  bundle: true,
  minify: true,
  splitting: true,
  outdir: "out",
  format: "esm",
  target: "es2022",
  write: false,
});
// Node's socket is a chunk of its own, which browsers never load.
for (const { path, contents } of outputFiles)
  console.log(`${path.split("/").at(-1)}: ${gzipSync(contents).length} bytes gzipped`);
const main = outputFiles.find(({ path }) => path.endsWith("stdin.js"));
const bytes = gzipSync(main.contents).length;
if (bytes > BYTES_MAX) {
  console.error(`${bytes} bytes exceed the limit of ${BYTES_MAX}`);
  process.exit(1);
}
