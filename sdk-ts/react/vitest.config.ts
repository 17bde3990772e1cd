// Vitest reads configuration from a default export.
// biome-ignore-all lint/style/noDefaultExport: as said above
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// The tests run as they are under React 19, and under React 18 with `REACT=18`. Each stands in a folder
// with the react-dom that goes with it.
const from = createRequire(new URL(process.env.REACT === "18" ? "../react-18/" : "./", import.meta.url));
// Its main file is CommonJS, whose `require` no alias reaches.
const testing = fileURLToPath(import.meta.resolve("@testing-library/react")).replace(
  /index\.js$/,
  "@testing-library/react.esm.js",
);
const folder = (name: string) => dirname(from.resolve(`${name}/package.json`));

export default defineConfig({
  resolve: {
    alias: [
      { find: "@testing-library/react", replacement: testing },
      { find: /^react-dom(?=\/|$)/, replacement: folder("react-dom") },
      { find: /^react(?=\/|$)/, replacement: folder("react") },
    ],
  },
  esbuild: { jsx: "automatic" },
  test: { environment: "jsdom", include: ["test/**/*.test.tsx"], server: { deps: { inline: [/@testing-library/] } } },
});
