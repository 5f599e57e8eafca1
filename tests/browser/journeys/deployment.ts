/** The deployment that the journeys walk through, and what its owner can do beside the console: play traffic, ask PostgreSQL, run `vonggac`. */
import { execFile, type ExecFileOptions } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Datagram, pcap } from "./capture";

/** The file that `VONGGAC_DEPLOYMENT` names; the harness writes it. */
interface Deployment {
  /** Of the console that `vonggac up` runs, by a name: browsers give no passkeys to bare addresses. */
  url: string;
  /** Where a second console may listen. */
  second_port: number;
  setup_code: string;
  binary: string;
  /** The data directory of `vonggac up`. */
  data: string;
  /** A directory for the journeys' own files. */
  scratch: string;
  client_settings: string;
  postgres_url: string;
  postgres_password_file: string;
}

const FILE = process.env.VONGGAC_DEPLOYMENT;
if (!FILE) throw new Error("VONGGAC_DEPLOYMENT must be set (see playwright.config.ts)");
export const deployment = JSON.parse(readFileSync(FILE, "utf8")) as Deployment;

const run = promisify(execFile);
const LIMIT_MS = 60_000;

/** The environment without settings of whoever runs the tests. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("VONGGAC_"));
  return Object.fromEntries(kept);
}

/** Runs the binary to its end and gives what it said; one that fails throws, with what it said. */
export async function vonggac(...words: string[]): Promise<string> {
  return (await run(deployment.binary, words, options({}))).stdout;
}

/** Runs it to its end, whatever that is. */
export async function tryVonggac(...words: string[]): Promise<{ code: number; out: string }> {
  try {
    return { code: 0, out: await vonggac(...words) };
  } catch (failed) {
    const { code, stdout } = failed as { code?: number; stdout?: string };
    return { code: code ?? -1, out: stdout ?? String(failed) };
  }
}

/** Asks PostgreSQL as the database's owner, with everybody's reach; a line for each row. */
export async function sql(statement: string): Promise<string[]> {
  const env = {
    PGPASSWORD: readFileSync(deployment.postgres_password_file, "utf8").trim(),
    PGOPTIONS: "-c vonggac.reach=*",
  };
  const words = ["--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--set=ON_ERROR_STOP=1"];
  const asked = await run(
    "psql",
    [...words, "--command", statement, deployment.postgres_url],
    options(env),
  );
  return asked.stdout.split("\n").filter((line) => line !== "");
}

function options(env: NodeJS.ProcessEnv): ExecFileOptions & { encoding: "utf8" } {
  return {
    encoding: "utf8",
    timeout: LIMIT_MS,
    maxBuffer: 1 << 26,
    env: { ...plainEnvironment(), ...env },
  };
}

/** A file of the journeys' own. */
export function scratch(name: string): string {
  mkdirSync(deployment.scratch, { recursive: true });
  return join(deployment.scratch, name);
}

let plays = 0;

/** A sensor of that organisation reads the datagrams with the rules, and delivers what they raise. */
export async function play(
  datagrams: readonly Datagram[],
  { organisation, rules }: { organisation: string; rules: string },
): Promise<void> {
  plays += 1;
  const name = `journey-${plays}`;
  const [capture, ruleFile] = [scratch(`${name}.pcap`), scratch(`${name}.rules`)];
  writeFileSync(capture, pcap(datagrams));
  writeFileSync(ruleFile, rules);
  const told = ["--config", deployment.client_settings, "--name", name, "--tenant", organisation];
  const files = ["--read", capture, "--rules", ruleFile, "--spool", scratch(`spool-${name}`)];
  await vonggac("sensor", ...told, ...files);
}
