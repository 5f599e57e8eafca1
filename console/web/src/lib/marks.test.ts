import { expect, it } from "vitest";
import type { AlertDetail } from "../api/client";
import { markersOf, optionsOf } from "./marks";

const all = (rule_kind: AlertDetail["rule_kind"], rule_text: string, group = {}) =>
  markersOf({ rule_kind, rule_text, group } as AlertDetail);
const of = async (...alert: Parameters<typeof all>) => (await all(...alert)).own;

/** The parts of a text that are marked. */
const parts = (text: string, spans: readonly (readonly [number, number])[]) =>
  spans.map(([from, to]) => text.slice(from, to));

const JNDI = String.raw`alert http any any -> any any (msg:"a \; b"; http.uri; content:"${"${"}"; content:"JNDI"; nocase; content:!"safe"; content:"|3a|//"; http.header; content:"x"; sid:1;)`;

it("reads the options of a signature, whatever stands in quotes", () => {
  const options = optionsOf(JNDI);
  expect(options[0]).toEqual(["msg", String.raw`"a \; b"`]);
  expect(options.map(([name]) => name)).toEqual([
    "msg",
    "http.uri",
    "content",
    "content",
    "nocase",
    "content",
    "content",
    "http.header",
    "content",
    "sid",
  ]);
});

it("marks what a signature looked for, in the field of its buffer", async () => {
  const marker = await of("signature", JNDI);
  const lookup = `${"$"}{jndi`;
  const uri = `/a?x=${lookup}:ldap://safe/x}`;
  expect(parts(uri, marker("http", "uri", uri))).toEqual([lookup, "://"]);
  expect(marker("http", "user_agent", "jndi")).toEqual([]);
  expect(marker("http", "host", "x")).toEqual([]);
});

it("marks in what a signature's flow carried besides only what can be found again", async () => {
  const rule = `alert dns any any -> any any (dns.query; content:"abc"; pcre:"/^[0-9a-f]{9}/"; sid:1;)`;
  const { own, beside } = await all("signature", rule, { src: "10.0.0.7" });
  expect(parts("xabcx", beside("dns", "query", "xabcx"))).toEqual(["abc"]);
  expect(beside("dns", "query", "other")).toEqual([]);
  expect(beside("dns", "src", "10.0.0.7")).toEqual([]);
  expect(parts("xabcx", own("dns", "query", "xabcx"))).toEqual(["xabcx"]);
  const sigma = await all("sigma", "detection: { a: { query: abc } }");
  expect(sigma.beside("dns", "query", "abc")).toEqual([]);
});

it("marks what a Sigma rule looked for, whatever the field is called there", async () => {
  const marker = await of(
    "sigma",
    `
detection:
  posted:
    cs-method: POST
    cs-uri|contains:
      - /login
      - '*sign*in'
  refused:
    status_code: 401
  condition: posted and refused
`,
  );
  expect(parts("POST", marker("http", "method", "POST"))).toEqual(["POST"]);
  expect(marker("http", "method", "POSTED")).toEqual([]);
  expect(parts("/a/Login?x", marker("http", "uri", "/a/Login?x"))).toEqual(["/Login"]);
  expect(parts("/sign-me-in", marker("http", "uri", "/sign-me-in"))).toEqual(["sign", "in"]);
  expect(parts("401", marker("http", "status_code", "401"))).toEqual(["401"]);
  expect(marker("http", "dport", "401")).toEqual([]);
});

it("marks what the events share, and nothing of a rule that cannot be read", async () => {
  const marker = await of("correlation", "detection: [", { src: "10.0.0.7" });
  expect(parts("10.0.0.7", marker("flow", "src", "10.0.0.7"))).toEqual(["10.0.0.7"]);
  expect(marker("flow", "src", "10.0.0.71")).toEqual([]);
});

it("takes no longer for a text that was made to", async () => {
  const marker = await of(
    "sigma",
    `detection: { a: { uri|contains: "${"a*".repeat(40)}b" }, condition: a }`,
  );
  const began = performance.now();
  expect(marker("http", "uri", "a".repeat(100_000))).toEqual([]);
  expect(performance.now() - began).toBeLessThan(1_000);
});
