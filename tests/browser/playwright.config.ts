/**
 * Browser tests of a running console. The harness that starts the servers sets:
 *
 * - VONGGAC_URL: where the console answers, e.g. http://127.0.0.1:8080
 * - VONGGAC_SETUP_CODE: the one-time code of the first administrator
 * - VONGGAC_PLAY_COMMAND, for the story: a shell command that plays the sample traffic
 * - VONGGAC_DEPLOYMENT, for the journeys: a file that tells of the deployment (journeys/deployment.ts)
 * - VONGGAC_CHROMIUM: the browser, if it is not Debian's
 */
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: ".",
  outputDir: "test-results/artifacts",
  // A set of servers each for the story and for the journeys: set-up can happen only once.
  projects: [
    { name: "story", testMatch: "console.spec.ts" },
    { name: "first-hour", testMatch: "journeys/first-hour.spec.ts" },
    { name: "guards", testMatch: /journeys\/(01|30)-.*\.spec\.ts/, dependencies: ["first-hour"] },
    { name: "journeys", testMatch: /journeys\/\d+-.*\.spec\.ts/, dependencies: ["first-hour"] },
  ],
  workers: 1,
  fullyParallel: false,
  retries: 0,
  timeout: 240_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  use: {
    actionTimeout: 30_000,
    baseURL: process.env.VONGGAC_URL ?? "",
    viewport: { width: 1366, height: 768 },
    colorScheme: "light",
    locale: "vi-VN",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.VONGGAC_CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
