import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// The tests against the real server: `COSMICTRON_BIN=… npm run test:server`.
// biome-ignore lint/style/noDefaultExport: vitest asks for it
export default defineConfig({
  test: {
    include: ["test/server/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The machine is to start one server at a time.
    fileParallelism: false,
  },
  resolve: {
    alias: [
      { find: /^@cosmictron\/client$/, replacement: fileURLToPath(new URL("./src/index.ts", import.meta.url)) },
    ],
  },
});
