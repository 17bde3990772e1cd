// Vitest reads configuration from a default export.
// biome-ignore-all lint/style/noDefaultExport: as said above
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["test/**/*.test.ts"], testTimeout: 90_000, hookTimeout: 60_000 } });
