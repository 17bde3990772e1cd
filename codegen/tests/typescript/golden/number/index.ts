// Written by `cosmictron generate` for the module everything, version sha256:00.
// It is written anew when the module changes: what is changed here is lost.

export * from "./schema.js";
export * from "./tables.js";
