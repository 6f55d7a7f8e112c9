// Builds `index.js` (ESM) and `tappa.js` (for a script tag) into `dist`, or the folder after `--out`; with `--tests` the
// unit tests.
import { readdirSync, readFileSync } from "node:fs";
import { build } from "esbuild";

const { version } = JSON.parse(readFileSync("package.json", "utf8"));
const shared = {
  bundle: true,
  target: "es2020",
  charset: "utf8",
  legalComments: "none",
  define: { VERSION: JSON.stringify(version) },
};

if (process.argv.includes("--tests")) {
  const tests = readdirSync("test").filter((name) => name.endsWith(".test.ts"));
  await build({
    ...shared,
    entryPoints: tests.map((name) => `test/${name}`),
    outdir: "build/test",
    platform: "node",
    format: "esm",
  });
} else {
  const out = process.argv.includes("--out") ? process.argv[process.argv.indexOf("--out") + 1] : "dist";
  await build({ ...shared, entryPoints: ["src/index.ts"], outfile: `${out}/index.js`, format: "esm" });
  await build({ ...shared, entryPoints: ["src/script.ts"], outfile: `${out}/tappa.js`, format: "iife", minify: true });
}
