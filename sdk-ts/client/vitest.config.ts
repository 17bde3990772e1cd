import { fileURLToPath } from "node:url";

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

/** The unit tests: the source as it stands, without a server. */
// biome-ignore lint/style/noDefaultExport: vitest reads the default export
export default {
  resolve: {
    alias: [
      { find: "@cosmictron/client/testing", replacement: source("testing/index.ts") },
      { find: "@cosmictron/client", replacement: source("index.ts") },
    ],
  },
  test: { include: ["test/*.test.ts"] },
};
