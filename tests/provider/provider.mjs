/**
 * A provider of OpenID Connect, for tests: Filip Skokan's `oidc-provider` with its own pages, on loopback.
 *
 * It prints its port on one line. Its standard input is its leash: it ends when that does, and for the line `rotate` signs with new keys from
 * then on, under new ids, and answers `rotated`. Any name signs in with any password.
 *
 * node provider.mjs REDIRECT_URI
 */
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Provider } from "oidc-provider";

const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"];
const [redirectUri] = process.argv.slice(2);

function key(kind, options, algorithm) {
  const { privateKey } = generateKeyPairSync(kind, options);
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg: algorithm };
}

function keys() {
  return [
    key("rsa", { modulusLength: 2048 }, "RS256"),
    key("rsa", { modulusLength: 2048 }, "PS256"),
    key("ec", { namedCurve: "P-256" }, "ES256"),
    key("ed25519", {}, "EdDSA"),
  ];
}

/** One client for each algorithm, called like it; and a public one. */
function clients() {
  const confidential = ALGORITHMS.map((algorithm) => ({
    client_id: algorithm,
    client_secret: `the secret of ${algorithm}: 100%`,
    id_token_signed_response_alg: algorithm,
    redirect_uris: [redirectUri],
  }));
  const post = {
    ...confidential[0],
    client_id: "post",
    token_endpoint_auth_method: "client_secret_post",
  };
  const open = {
    client_id: "public",
    token_endpoint_auth_method: "none",
    redirect_uris: [redirectUri],
  };
  return [...confidential, post, open];
}

function provider(port) {
  return new Provider(`http://localhost:${port}`, {
    clients: clients(),
    jwks: { keys: keys() },
    cookies: { keys: [randomUUID()] },
    enabledJWA: { idTokenSigningAlgValues: ALGORITHMS },
    pkce: { required: () => true },
  });
}

let answer;
const server = createServer((request, response) => answer(request, response));
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  answer = provider(port).callback();
  process.stdout.write(`${port}\n`);
  createInterface({ input: process.stdin })
    .on("line", () => {
      answer = provider(port).callback();
      process.stdout.write("rotated\n");
    })
    .on("close", () => process.exit());
});
