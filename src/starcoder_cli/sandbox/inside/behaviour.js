// What a JavaScript file does: its statements are run, its functions called. A script for node with
// a file that names the trials; it writes what `behaviour.py` writes.
"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const util = require("node:util");
const vm = require("node:vm");
const { createRequire } = require("node:module");

const CALL_MILLISECONDS = 500;
const STATEMENT_MILLISECONDS = 2000;
const MAX_TIMEOUTS = 3;
const INSPECT = { depth: 8, sorted: true, breakLength: Infinity, maxArrayLength: 1000 };

const job = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const write = (...words) => fs.writeSync(1, words.join(" ") + "\n");
const silent = new Proxy({}, { get: () => () => undefined });
const assertions = { passed: 0, failed: 0 };
const count = (value) => (value ? assertions.passed++ : assertions.failed++);
const consoleLike = new Proxy(silent, {
  get: (target, name) => (name === "assert" ? count : target[name]),
});

function digest(value) {
  const text = typeof value === "function" ? "function" : util.inspect(value, INSPECT);
  return crypto.createHash("sha256").update(text).digest("hex").slice(0, 12);
}

function limited(text, context, timeout) {
  return vm.runInContext(text, context, { timeout });
}

const module_ = { exports: {} };
const context = vm.createContext({
  console: consoleLike, require: createRequire(job.file), module: module_, exports: module_.exports,
  __filename: job.file, __dirname: path.dirname(job.file), process: { env: {}, argv: ["node"] },
  Buffer, URL, TextEncoder, TextDecoder, structuredClone, setTimeout: () => 0, setInterval: () => 0,
  clearTimeout: () => 0, clearInterval: () => 0, setImmediate: () => 0, queueMicrotask: () => 0,
});

function load() {
  process.chdir(job.folder);
  // What a module exports is a declaration all the same; what it imports is asked for.
  const text = fs.readFileSync(job.file, "utf8")
    .replace(/^#!.*/, "")
    .replace(/^export\s+default\s+(?=(async\s+)?function\s+\w|class\s+\w)/gm, "")
    .replace(/^export\s+default\s+/gm, "void ")
    .replace(/^export\s+(?=async|function|class|const|let|var)/gm, "")
    .replace(/^export\s*\{[^}]*\}.*$/gm, "");
  vm.runInContext(text, context, { filename: job.file, timeout: 1000 * job.load_seconds });
}

function main() {
  try {
    load();
  } catch (error) {
    const slow = error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT" ? "TooSlowError: " : "";
    write("x", 0, slow + String(error).split("\n")[0].slice(0, 300));
    return;
  }
  write("l", 0, 1);
  write("s", 0, assertions.passed, assertions.failed);
  job.statements.forEach((text, number) => {
    const before = assertions.failed;
    try {
      limited(text, context, STATEMENT_MILLISECONDS);
      const good = assertions.failed === before ? 1 : 0;
      write("a", number, good, 1 - good);
    } catch {
      write("a", number, 0, 1);
    }
  });
  let timeouts = 0;
  job.calls.forEach(([callable, values], number) => {
    if (timeouts >= MAX_TIMEOUTS) return;
    try {
      const outcome = limited(
        `{ const values = ${values}; [${callable}(...values), values] }`, context, CALL_MILLISECONDS
      );
      write("c", number, digest(outcome));
    } catch (error) {
      const slow = error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
      timeouts += slow ? 1 : 0;
      write("c", number, "!" + String((error && error.name) || "error").slice(0, 40));
    }
  });
}

main();
write("d", 0, 1);
process.exit(0);
