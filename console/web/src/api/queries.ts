/** What the pages ask of the server, as TanStack Query options with their keys. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { type RangeSearch, resolveRange, type TimeBounds } from "../lib/time";
import { within } from "../stage/abilities";
import { EXERCISE } from "../stage/stage";
import { api, type EventRow, take } from "./client";

export const ALERTS_PER_PAGE = 200;
export const EVENTS_PER_PAGE = 200;
export const HISTOGRAM_BUCKETS = 80;
/** An alert's events are asked for again this often, this many times, until a flow is there. */
const FLOW_WAIT_MS = 5_000;
const FLOW_WAITS_MAX = 24;

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: async ({ client, signal }) => {
    const account = await take(api.GET("/api/v1/session", { signal }));
    // The banner shows the same exercise.
    return EXERCISE === null
      ? account
      : within(account, await client.fetchQuery(exerciseQuery(EXERCISE)));
  },
  staleTime: 60_000,
  retry: false,
});

const askLock = (signal: AbortSignal) => take(api.GET("/api/v1/session/lock", { signal }));

/** When the session locks by itself. */
export const lockQuery = queryOptions({
  queryKey: ["lock", "setting"],
  queryFn: ({ signal }) => askLock(signal),
  staleTime: 60_000,
  // A rule may have come meanwhile.
  refetchOnWindowFocus: true,
});

const LOCK_AGAIN_MS = 3_000;

/** The lock as its own page asks about it, after what is done `before`; asks until the server answers. */
export const heldLockQuery = (before: () => Promise<void>) =>
  queryOptions({
    queryKey: ["lock", "held"],
    queryFn: async ({ signal }) => {
      await before();
      return askLock(signal);
    },
    staleTime: 0,
    gcTime: 0,
    refetchInterval: ({ state }) => (state.status === "error" ? LOCK_AGAIN_MS : false),
  });

export const setupQuery = queryOptions({
  queryKey: ["setup"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/setup", { signal })),
  retry: false,
});

export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/sessions", { signal })),
});

export const securityQuery = queryOptions({
  queryKey: ["security"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/account/security", { signal })),
});

export const passkeysQuery = queryOptions({
  queryKey: ["passkeys"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/account/passkeys", { signal })),
});

/** Providers at which one may sign in. */
export const openidProvidersQuery = queryOptions({
  queryKey: ["openid-providers"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/openid/providers", { signal })),
  staleTime: 60_000,
  retry: false,
});

/** Those to which the account is linked. */
export const openidLinksQuery = queryOptions({
  queryKey: ["openid-links"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/account/openid", { signal })),
});

export const openidSettingsQuery = queryOptions({
  queryKey: ["openid-settings"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/settings/openid", { signal })),
});

export interface AlertQuery extends TimeBounds {
  status?: string;
  severity?: string;
  q?: string;
  technique?: string;
  /** Ids of people, `me`, `nobody`. */
  assignee?: string;
  verdict?: string;
  reason?: string;
  tag?: string;
  rule?: string;
  src?: string;
  dst?: string;
  snoozed?: string;
  suppressed?: string;
  exception?: string;
  tactic?: string;
  organisation?: string;
  sensor?: string;
  address?: string;
  changed_from?: string;
  detected_from?: string;
  detected_to?: string;
  sort?: string;
}

export const alertsQuery = (query: AlertQuery) =>
  infiniteQueryOptions({
    queryKey: ["alerts", query],
    queryFn: ({ signal, pageParam }) =>
      take(
        api.GET("/api/v1/alerts", {
          signal,
          params: { query: { ...query, limit: ALERTS_PER_PAGE, ...cursor(pageParam) } },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });

export const groupsQuery = (query: AlertQuery, by: string) => {
  const { sort: _, ...filter } = query;
  return queryOptions({
    queryKey: ["alert-groups", filter, by],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/alerts/groups", { signal, params: { query: { ...filter, by } } })),
    placeholderData: keepPreviousData,
  });
};

export const tagsQuery = queryOptions({
  queryKey: ["alert-tags"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/alerts/tags", { signal })),
  staleTime: 30_000,
});

export const viewsQuery = queryOptions({
  queryKey: ["views"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/views", { signal })),
  staleTime: 60_000,
});

/** What has changed since one was last here. */
export const sinceQuery = queryOptions({
  queryKey: ["since"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/alerts/since", { signal })),
  // It counts much; a minute is soon enough.
  staleTime: 30_000,
  refetchInterval: 60_000,
});

/** Those who may be given alerts. */
export const peopleQuery = (q: string) =>
  queryOptions({
    queryKey: ["people", q],
    queryFn: ({ signal }) => take(api.GET("/api/v1/people", { signal, params: { query: { q } } })),
    staleTime: 60_000,
    placeholderData: keepPreviousData,
  });

/** Few, for a page about something that they tell of. */
export const ABOUT_ROWS = 10;

export const alertsAboutQuery = (query: AlertQuery) =>
  queryOptions({
    queryKey: ["alerts-about", query],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/alerts", {
          signal,
          params: { query: { ...query, sort: "-detected_at", limit: ABOUT_ROWS } },
        }),
      ),
  });

export const countsQuery = (bounds: TimeBounds) =>
  queryOptions({
    queryKey: ["alert-counts", bounds],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/alerts/counts", { signal, params: { query: bounds } })),
    placeholderData: keepPreviousData,
  });

export const alertQuery = (id: string) =>
  queryOptions({
    queryKey: ["alert", id],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/alerts/{id}", { signal, params: { path: { id } } })),
  });

export const alertStoryQuery = (id: string) =>
  queryOptions({
    queryKey: ["alert-story", id],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/alerts/{id}/story", { signal, params: { path: { id } } })),
  });

export const alertEventsQuery = (id: string) =>
  queryOptions({
    queryKey: ["alert-events", id],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/alerts/{id}/events", { signal, params: { path: { id } } })),
    // The flow's own record comes when the flow ends, often after the alert.
    refetchInterval: ({ state }) =>
      state.dataUpdateCount < FLOW_WAITS_MAX && !state.data?.items.some(isFlow)
        ? FLOW_WAIT_MS
        : false,
  });

export interface EventQuery extends TimeBounds {
  q?: string;
  class?: string;
}

export const eventsQuery = (query: EventQuery, run: number) =>
  infiniteQueryOptions({
    queryKey: ["events", query, run],
    queryFn: ({ signal, pageParam }) =>
      take(
        api.GET("/api/v1/events", {
          signal,
          params: { query: { ...query, limit: EVENTS_PER_PAGE, ...cursor(pageParam) } },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });

export const histogramQuery = (query: EventQuery, run: number) =>
  queryOptions({
    queryKey: ["events-histogram", query, run],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/events/histogram", {
          signal,
          params: { query: { ...query, buckets: HISTOGRAM_BUCKETS } },
        }),
      ),
    placeholderData: keepPreviousData,
  });

export const fieldsQuery = queryOptions({
  queryKey: ["event-fields"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/events/fields", { signal })),
  staleTime: Number.POSITIVE_INFINITY,
});

/** A quick range is measured anew each time. */
export const overviewQuery = (range: RangeSearch, everyMs: number) =>
  queryOptions({
    queryKey: ["overview", range],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/overview", {
          signal,
          params: { query: resolveRange(range, "24h", Date.now()) },
        }),
      ),
    refetchInterval: everyMs,
    placeholderData: keepPreviousData,
  });

export const entityQuery = (kind: string, value: string, bounds: TimeBounds) =>
  queryOptions({
    queryKey: ["entity", kind, value, bounds],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/entities/{kind}", {
          signal,
          params: { path: { kind }, query: { value, ...bounds } },
        }),
      ),
  });

export const elsewhereQuery = (kind: string, value: string) =>
  queryOptions({
    queryKey: ["entity-elsewhere", kind, value],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/entities/{kind}/elsewhere", {
          signal,
          params: { path: { kind }, query: { value } },
        }),
      ),
    staleTime: 300_000,
    retry: false,
  });

export interface ValuesQuery extends EventQuery {
  field: string;
  prefix?: string;
  limit?: number;
}

export const valuesQuery = (query: ValuesQuery) =>
  queryOptions({
    queryKey: ["event-values", query],
    queryFn: ({ signal }) => take(api.GET("/api/v1/events/values", { signal, params: { query } })),
    staleTime: 60_000,
    retry: false,
  });

export const searchesQuery = queryOptions({
  queryKey: ["searches"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/searches", { signal })),
});

export const handoversQuery = infiniteQueryOptions({
  queryKey: ["handovers", "list"],
  queryFn: ({ signal, pageParam }) =>
    take(api.GET("/api/v1/handovers", { signal, params: { query: cursor(pageParam) } })),
  initialPageParam: "",
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});

export const handoverQuery = (id: string) =>
  queryOptions({
    queryKey: ["handovers", "one", id],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/handovers/{id}", { signal, params: { path: { id } } })),
  });

export const watchQuery = queryOptions({
  queryKey: ["watch"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/watch", { signal })),
  staleTime: 30_000,
});

export const noticesQuery = queryOptions({
  queryKey: ["notices"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/notices", { signal })),
});

export const noticeRulesQuery = queryOptions({
  queryKey: ["notice-rules"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/notice-rules", { signal })),
});

export const noticeWaysQuery = queryOptions({
  queryKey: ["notice-ways"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/notice-ways", { signal })),
});

export const notificationSettingsQuery = queryOptions({
  queryKey: ["notification-settings"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/notification-settings", { signal })),
});

export const AUDIT_PER_PAGE = 200;

export interface AuditQuery extends TimeBounds {
  q?: string;
  actor?: string;
  action?: string;
  organisation?: string;
  object?: string;
  request?: string;
  result?: string;
}

export const auditQuery = (query: AuditQuery) =>
  infiniteQueryOptions({
    queryKey: ["audit", query],
    queryFn: ({ signal, pageParam }) =>
      take(
        api.GET("/api/v1/audit", {
          signal,
          params: { query: { ...query, limit: AUDIT_PER_PAGE, ...cursor(pageParam) } },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });

export interface AccountsQuery {
  q?: string;
  organisation?: string;
  role?: string;
  state?: string;
  factor?: string;
}

export const accountsQuery = (query: AccountsQuery) =>
  infiniteQueryOptions({
    queryKey: ["accounts", "list", query],
    queryFn: ({ signal, pageParam }) =>
      take(
        api.GET("/api/v1/accounts", {
          signal,
          params: { query: { ...query, ...cursor(pageParam) } },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });

export const accountQuery = (id: string) =>
  queryOptions({
    queryKey: ["accounts", "one", id],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/accounts/{id}", { signal, params: { path: { id } } })),
  });

export const accountSessionsQuery = (id: string) =>
  queryOptions({
    queryKey: ["accounts", "sessions", id],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/accounts/{id}/sessions", { signal, params: { path: { id } } })),
    // Without a second factor the server shows none; the rest of the panel is there.
    retry: false,
  });

export const placesQuery = queryOptions({
  queryKey: ["accounts", "places"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/accounts/places", { signal })),
});

export const waitingQuery = queryOptions({
  queryKey: ["accounts", "waiting"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/memberships/waiting", { signal })),
});

/** How often it is asked what exceptions caught. */
const EXCEPTIONS_EVERY_MS = 30_000;

export const exceptionsQuery = queryOptions({
  queryKey: ["exceptions"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/exceptions", { signal })),
  refetchInterval: EXCEPTIONS_EVERY_MS,
});

/** How often is asked whether sensors are heard of. */
const SENSORS_EVERY_MS = 10_000;

export interface SensorsQuery {
  q?: string;
  organisation?: string;
  state?: string;
}

export const sensorsQuery = (query: SensorsQuery) =>
  infiniteQueryOptions({
    queryKey: ["sensors", "list", query],
    queryFn: ({ signal, pageParam }) =>
      take(
        api.GET("/api/v1/sensors", {
          signal,
          params: { query: { ...query, ...cursor(pageParam) } },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    refetchInterval: SENSORS_EVERY_MS,
  });

export const sensorQuery = (id: string) =>
  queryOptions({
    queryKey: ["sensors", "one", id],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/sensors/{id}", { signal, params: { path: { id } } })),
    refetchInterval: SENSORS_EVERY_MS,
  });

export const sensorPlacesQuery = queryOptions({
  queryKey: ["sensors", "places"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/sensors/places", { signal })),
});

export const exercisesQuery = infiniteQueryOptions({
  queryKey: ["exercises", "list"],
  queryFn: ({ signal, pageParam }) =>
    take(api.GET("/api/v1/exercises", { signal, params: { query: cursor(pageParam) } })),
  initialPageParam: "",
  getNextPageParam: (page) => page.next_cursor ?? undefined,
  refetchInterval: SENSORS_EVERY_MS,
});

export const exerciseQuery = (id: string) =>
  queryOptions({
    queryKey: ["exercises", "one", id],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/exercises/{id}", { signal, params: { path: { id } } })),
    // Who asks for the session has just asked for it.
    staleTime: 5_000,
    refetchInterval: SENSORS_EVERY_MS,
  });

export interface ServicesQuery {
  q?: string;
  organisation?: string;
  /** `yes`: those that have ended, too. */
  ended?: string;
}

export const servicesQuery = (query: ServicesQuery) =>
  infiniteQueryOptions({
    queryKey: ["services", "list", query],
    queryFn: ({ signal, pageParam }) =>
      take(
        api.GET("/api/v1/services", {
          signal,
          params: { query: { ...query, ...cursor(pageParam) } },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });

export const serviceQuery = (id: string) =>
  queryOptions({
    queryKey: ["services", "one", id],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/services/{id}", { signal, params: { path: { id } } })),
  });

export const servicePlacesQuery = queryOptions({
  queryKey: ["services", "places"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/services/places", { signal })),
});

export const signInRulesQuery = queryOptions({
  queryKey: ["sign-in-rules"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/settings/sign-in", { signal })),
});

export interface OrganisationsQuery {
  q?: string;
  kind?: string;
  /** A day, as in `2026-01-31`. */
  on?: string;
  /** `true`: those that have ended or have not begun, too. */
  others?: string;
}

export const organisationsQuery = ({ others, ...query }: OrganisationsQuery) =>
  queryOptions({
    queryKey: ["organisations", "list", query, others === "true"],
    queryFn: ({ signal }) =>
      take(
        api.GET("/api/v1/organisations", {
          signal,
          params: { query: { ...query, others: others === "true" } },
        }),
      ),
    placeholderData: keepPreviousData,
  });

export const organisationQuery = (code: string) =>
  queryOptions({
    queryKey: ["organisations", "one", code],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/organisations/{code}", { signal, params: { path: { code } } })),
  });

const EXPORT_EVERY_MS = 1_000;

export const exportsQuery = queryOptions({
  queryKey: ["exports"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/exports", { signal })),
  refetchInterval: ({ state }) =>
    state.data?.some((job) => job.state === "running") ? EXPORT_EVERY_MS : false,
});

export const healthQuery = queryOptions({
  queryKey: ["health"],
  queryFn: ({ signal }) => take(api.GET("/api/v1/health", { signal })),
  refetchInterval: 5_000,
});

function isFlow(event: EventRow): boolean {
  return event.class === "flow";
}

function cursor(pageParam: string): { cursor?: string } {
  return pageParam === "" ? {} : { cursor: pageParam };
}
