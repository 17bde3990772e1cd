/** A fake server and a fake clock, for the tests of those who use the client. */
export { FakeClock } from "./clock.js";
export { FAKE_IDENTITY, type FakeChange, type FakeOutcome, type FakeQuery, FakeServer } from "./server.js";
