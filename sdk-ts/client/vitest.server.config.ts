/** The tests that need the server: `COSMICTRON_BIN` names its binary; test/server/module is to be built before. */
import unit from "./vitest.config.js";

export default { ...unit, test: { include: ["test/server/*.test.ts"], testTimeout: 30_000, hookTimeout: 60_000 } };
