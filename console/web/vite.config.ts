import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  // The console's server puts each page's own nonce in its place (`console/server/src/front.rs`).
  html: { cspNonce: "NONCE-OF-THIS-PAGE" },
  build: {
    target: "es2022",
    // The content security policy has no `data:` for fonts, so nothing is inlined.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/api": process.env.VONGGAC_API ?? "http://127.0.0.1:8080" },
  },
  test: {
    environment: "happy-dom",
    setupFiles: ["src/test/setup.ts"],
    testTimeout: 20_000,
    include: ["src/**/*.test.{ts,tsx}"],
  },
});
