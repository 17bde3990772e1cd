/** Fails when the package, minified and gzipped, is 3 kB or more. React and the client are the application's. */
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const BYTES_MAX = 3_000;
const { outputFiles } = await build({
  entryPoints: [new URL("../dist/index.js", import.meta.url).pathname],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  external: ["react", "@cosmictron/client"],
  write: false,
});
const bytes = gzipSync(outputFiles[0].contents, { level: 9 }).length;
console.log(`@cosmictron/react: ${bytes} bytes gzipped, at most ${BYTES_MAX - 1}`);
if (bytes >= BYTES_MAX) process.exitCode = 1;
