import { afterEach, describe, expect, it, vi } from "vitest";
import { switchLanguage } from "../i18n";
import { ApiFailure, api, asked, take } from "./client";

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

describe("a request within an exercise", () => {
  it("goes to the exercise with its body, and as it is where nothing changes", async () => {
    const body = JSON.stringify({ note: "Tôi xem" });
    const headers = { "Content-Type": "application/json" };
    const request = new Request("http://h/api/v1/alerts/1/acknowledge", {
      method: "POST",
      headers,
      body,
    });
    expect(await asked(request, request.url)).toBe(request);
    const within = await asked(request, `${request.url}?exercise=7`);
    expect(within.url).toBe("http://h/api/v1/alerts/1/acknowledge?exercise=7");
    expect([within.method, within.headers.get("content-type")]).toEqual([
      "POST",
      "application/json",
    ]);
    expect(await within.text()).toBe(body);
    const read = await asked(
      new Request("http://h/api/v1/alerts"),
      "http://h/api/v1/alerts?exercise=7",
    );
    expect([read.method, read.body]).toEqual(["GET", null]);
  });
});

describe("what the server says", () => {
  afterEach(() => switchLanguage("vi"));

  it.each(["vi", "en"])("is asked for in the language of the page: %s", async (language) => {
    const sent: Request[] = [];
    vi.stubGlobal("fetch", async (request: Request) => {
      sent.push(request);
      return new Response("{}", { headers: { "Content-Type": "application/json" } });
    });
    switchLanguage(language);
    await take(api.GET("/api/v1/health"));
    await take(api.POST("/api/v1/alerts/{id}/reopen", { params: { path: { id: "a" } } }));
    expect(sent.map((request) => request.headers.get("Accept-Language"))).toEqual([
      language,
      language,
    ]);
  });

  it("is kept where the request goes to an exercise", async () => {
    const headers = { "Accept-Language": "vi" };
    const request = new Request("http://h/api/v1/alerts", { headers });
    const within = await asked(request, `${request.url}?exercise=7`);
    expect(within.headers.get("Accept-Language")).toBe("vi");
  });
});
