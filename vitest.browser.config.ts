/**
 * The tests that need no files, in a real browser: with shared memory, and without, as in a page that is not
 * cross-origin isolated. CHROMIUM names the browser to use; by default it is the system's.
 *
 * pnpm test:browser
 */
import { globSync, readFileSync } from "node:fs";
import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";

const provider = playwright({
  launchOptions: {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  },
});

/** Tests that read files or start processes. */
const forNode = globSync("packages/{autograd,nn}/src/**/*.test.ts").filter((name) =>
  /from "node:|\/testing\/|\bprocess\./.test(readFileSync(name, "utf8")),
);

const project = (name: string, isolated: boolean) => ({
  ...(isolated
    ? {
        server: {
          headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" },
        },
      }
    : {}),
  test: {
    name,
    include: ["packages/{autograd,nn}/src/**/*.test.ts", "test/browser/*.browser.ts"],
    exclude: forNode,
    testTimeout: 60_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider,
      instances: [{ browser: "chromium" as const }],
    },
  },
});

export default defineConfig({
  test: { projects: [project("isolated", true), project("not isolated", false)] },
});
