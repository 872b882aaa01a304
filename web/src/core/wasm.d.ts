/**
 * Stands in for the generated bindings while `src/core/wasm/` hasn't been built, so that type checks
 * of the page need no Rust. Once the real file is there, TypeScript finds it first and checks
 * against its own types.
 */
declare module '*/wasm/client_wasm.js';
