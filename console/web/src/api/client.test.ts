import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiFailure, api, take } from "./client";

function answer(status: number, body: unknown): void {
  vi.stubGlobal("fetch", async () =>
    typeof body === "string"
      ? new Response(body, { status })
      : new Response(JSON.stringify(body), {
          status,
          headers: { "Content-Type": "application/json" },
        }),
  );
}

async function failureOf(call: Promise<unknown>): Promise<ApiFailure> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiFailure);
  return error as ApiFailure;
}

afterEach(() => vi.unstubAllGlobals());

describe("a failed request", () => {
  it("keeps the server's words and where they point", async () => {
    answer(400, { error: { code: "invalid_query", message: "no value", field: "q", column: 7 } });
    const failure = await failureOf(take(api.GET("/api/v1/events")));
    expect(failure).toMatchObject({ status: 400, message: "no value", field: "q", column: 7 });
  });

  it("is a failure also when the body is not the API's", async () => {
    answer(502, "<html>bad gateway</html>");
    expect(await failureOf(take(api.GET("/api/v1/health")))).toMatchObject({
      status: 502,
      code: "unknown",
    });
  });

  it("has status 0 when no answer came", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("refused")));
    expect(await failureOf(take(api.GET("/api/v1/health")))).toMatchObject({
      status: 0,
      code: "unreachable",
    });
  });
});

it("changes are sent as JSON, also without a body", async () => {
  let sent: Request | undefined;
  vi.stubGlobal("fetch", async (request: Request) => {
    sent = request;
    return new Response("{}", { headers: { "Content-Type": "application/json" } });
  });
  await take(api.POST("/api/v1/alerts/{id}/reopen", { params: { path: { id: "a" } } }));
  expect(sent?.headers.get("Content-Type")).toBe("application/json");
});
