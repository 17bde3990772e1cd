import { defineConfig } from "vite";

export default defineConfig({
  // The packages stand beside this folder, with a React of their own for their tests.
  resolve: { dedupe: ["react", "react-dom"] },
  esbuild: { jsx: "automatic" },
});
