/** The tests that need the server: `COSMICTRON_BIN` names its binary, `COSMICTRON_MODULE` a build of examples/my-agent. */
import unit from "./vitest.config.js";

export default { ...unit, test: { include: ["test/server/*.test.ts"], testTimeout: 30_000, hookTimeout: 60_000 } };
