import { fileURLToPath } from "node:url";

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

/** The unit tests: the source as it stands, without a server. */
export default {
  resolve: {
    alias: [
      { find: "@cosmictron/client/testing", replacement: source("testing/index.ts") },
      { find: "@cosmictron/client", replacement: source("index.ts") },
    ],
  },
  test: { include: ["test/*.test.ts"] },
};
