/** Routes, the query client, and the way from a lost session to sign-in and back. */
import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  notFound,
  Outlet,
  redirect,
  useLocation,
} from "@tanstack/react-router";
import { tabsOf } from "./admin/tabs";
import { ApiFailure } from "./api/client";
import { sessionQuery, setupQuery } from "./api/queries";
import { readAuditSearch } from "./audit/search";
import { readExceptionsSearch } from "./exceptions/search";
import { readExercisesSearch } from "./exercises/search";
import { switchLanguage } from "./i18n";
import { may } from "./lib/abilities";
import { parseSearch, pick, stringifySearch } from "./lib/search-params";
import type { RangeSearch } from "./lib/time";
import { LockPage } from "./lock/LockPage";
import { toLock } from "./lock/lock";
import { useTabsLock } from "./lock/useLock";
import { readOrganisationsSearch } from "./organisations/search";
import { PageFailure } from "./parts/PageFailure";
import { PageMissing } from "./parts/PageMissing";
import { readPeopleSearch } from "./people/search";
import { readQueueSearch } from "./queue/filter";
import { QueuePage } from "./queue/QueuePage";
import { readEventSearch } from "./search/query";
import { readSensorsSearch } from "./sensors/search";
import { readServicesSearch } from "./services/search";
import { SetupPage } from "./session/SetupPage";
import { SignInPage } from "./session/SignInPage";
import { WelcomePage } from "./session/WelcomePage";
import { Shell } from "./shell/Shell";
import { StageBanner } from "./stage/StageBanner";
import { basePathOf, EXERCISE } from "./stage/stage";
import stage from "./stage/stage.module.css";

interface RouterContext {
  client: QueryClient;
}

const rootRoute = createRootRouteWithContext<RouterContext>()({
  component: Root,
  errorComponent: PageFailure,
  notFoundComponent: PageMissing,
});

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  component: SignInPage,
  validateSearch: (search: Record<string, unknown>) =>
    pick(search, ["return", "problem", "provider", "step", "passkey"]),
  beforeLoad: async ({ context }) => {
    if (await setupNeeded(context.client)) throw redirect({ to: "/setup" });
  },
});

const setupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/setup",
  component: SetupPage,
  validateSearch: (search: Record<string, unknown>) => pick(search, ["code"]),
});

/** It asks nothing before it is shown: what it covers is covered at once. */
const lockRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/lock",
  component: LockPage,
  validateSearch: (search: Record<string, unknown>) =>
    pick(search, ["return", "problem", "provider"]),
});

const welcomeRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/welcome",
  component: WelcomePage,
});

const appRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "app",
  component: Shell,
  beforeLoad: ({ context, location }) => needSession(context.client, location.href),
});

/** Pages without the shell around them. */
const bareRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "bare",
  component: Outlet,
  beforeLoad: ({ context, location }) => needSession(context.client, location.href),
});

/** Leads to the first page that one may see. */
const homeRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/",
  beforeLoad: async ({ context }) => {
    const account = await context.client.ensureQueryData(sessionQuery);
    if (may(account, "alert:read")) throw redirect({ to: "/overview" });
    if (may(account, "exercise:read")) throw redirect({ to: "/exercises" });
    throw redirect({ to: tabsOf(account)[0]?.path ?? "/account" });
  },
});

const overviewRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/overview",
  component: lazyRouteComponent(() => import("./overview/OverviewPage"), "OverviewPage"),
  validateSearch: readRange,
});

const wallRoute = createRoute({
  getParentRoute: () => bareRoute,
  path: "/wall",
  component: lazyRouteComponent(() => import("./overview/WallPage"), "WallPage"),
  validateSearch: readRange,
});

const entityRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/entity/$kind/$value",
  component: lazyRouteComponent(() => import("./entity/EntityPage"), "EntityPage"),
  validateSearch: readRange,
});

const queueRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/alerts",
  component: QueuePage,
  validateSearch: readQueueSearch,
});

const exercisesRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/exercises",
  component: lazyRouteComponent(() => import("./exercises/ExercisesPage"), "ExercisesPage"),
  validateSearch: readExercisesSearch,
});

const handoversRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/alerts/handover",
  component: lazyRouteComponent(() => import("./handover/HandoversPage"), "HandoversPage"),
});

const handoverRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/alerts/handover/$id",
  component: lazyRouteComponent(() => import("./handover/HandoverPage"), "HandoverPage"),
});

const exceptionsRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/alerts/exceptions",
  component: lazyRouteComponent(() => import("./exceptions/ExceptionsPage"), "ExceptionsPage"),
  validateSearch: readExceptionsSearch,
});

const alertRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/alerts/$id",
  component: lazyRouteComponent(() => import("./alert/AlertPage"), "AlertPage"),
});

const searchRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/search",
  component: lazyRouteComponent(() => import("./search/SearchPage"), "SearchPage"),
  validateSearch: readEventSearch,
});

const healthRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/health",
  component: lazyRouteComponent(() => import("./health/HealthPage"), "HealthPage"),
});

const accountRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/account",
  component: lazyRouteComponent(() => import("./account/AccountPage"), "AccountPage"),
  validateSearch: (search: Record<string, unknown>) =>
    pick(search, ["problem", "provider", "linked"]),
});

const noticesRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/notices",
  component: lazyRouteComponent(() => import("./notice/NoticesPage"), "NoticesPage"),
});

const adminRoute = createRoute({
  getParentRoute: () => appRoute,
  path: "/admin",
  component: lazyRouteComponent(() => import("./admin/AdminPage"), "AdminPage"),
});

/** Without a page named, the first that one may see. */
const adminHomeRoute = createRoute({
  getParentRoute: () => adminRoute,
  path: "/",
  beforeLoad: async ({ context }) => {
    const [first] = tabsOf(await context.client.ensureQueryData(sessionQuery));
    throw first ? redirect({ to: first.path }) : notFound();
  },
});

const peopleRoute = createRoute({
  getParentRoute: () => adminRoute,
  path: "/people",
  component: lazyRouteComponent(() => import("./people/PeoplePage"), "PeoplePage"),
  validateSearch: readPeopleSearch,
});

const servicesRoute = createRoute({
  getParentRoute: () => adminRoute,
  path: "/services",
  component: lazyRouteComponent(() => import("./services/ServicesPage"), "ServicesPage"),
  validateSearch: readServicesSearch,
});

const signInRulesRoute = createRoute({
  getParentRoute: () => adminRoute,
  path: "/sign-in",
  component: lazyRouteComponent(() => import("./sign-in-rules/SignInRulesPage"), "SignInRulesPage"),
});

const sensorsRoute = createRoute({
  getParentRoute: () => adminRoute,
  path: "/sensors",
  component: lazyRouteComponent(() => import("./sensors/SensorsPage"), "SensorsPage"),
  validateSearch: readSensorsSearch,
});

const organisationsRoute = createRoute({
  getParentRoute: () => adminRoute,
  path: "/organisations",
  component: lazyRouteComponent(
    () => import("./organisations/OrganisationsPage"),
    "OrganisationsPage",
  ),
  validateSearch: readOrganisationsSearch,
});

const notificationSettingsRoute = createRoute({
  getParentRoute: () => adminRoute,
  path: "/notifications",
  component: lazyRouteComponent(() => import("./notifications/SettingsPage"), "SettingsPage"),
});

const auditRoute = createRoute({
  getParentRoute: () => adminRoute,
  path: "/audit",
  component: lazyRouteComponent(() => import("./audit/AuditPage"), "AuditPage"),
  validateSearch: readAuditSearch,
});

const routeTree = rootRoute.addChildren([
  signInRoute,
  setupRoute,
  lockRoute,
  welcomeRoute,
  appRoute.addChildren([
    homeRoute,
    overviewRoute,
    queueRoute,
    handoversRoute,
    handoverRoute,
    exceptionsRoute,
    exercisesRoute,
    alertRoute,
    searchRoute,
    entityRoute,
    healthRoute,
    accountRoute,
    noticesRoute,
    adminRoute.addChildren([
      adminHomeRoute,
      peopleRoute,
      organisationsRoute,
      sensorsRoute,
      notificationSettingsRoute,
      servicesRoute,
      signInRulesRoute,
      auditRoute,
    ]),
  ]),
  bareRoute.addChildren([wallRoute]),
]);

/** Every page of an exercise says that it is one; but for the lock, which says nothing of what it covers. */
function Root() {
  useTabsLock();
  const isLock = useLocation({ select: ({ pathname }) => pathname === "/lock" });
  if (EXERCISE === null || isLock) return <Outlet />;
  return (
    <div className={stage.frame}>
      <StageBanner id={EXERCISE} />
      <Outlet />
    </div>
  );
}

/** The account's language is the page's; without a session the way leads to sign-in and back. */
/** Nobody goes elsewhere before he has shown the passkey that a role of his takes. */
async function needSession(client: QueryClient, href: string): Promise<void> {
  let needsPasskey = false;
  try {
    const account = await client.ensureQueryData(sessionQuery);
    switchLanguage(account.language);
    needsPasskey = account.passkey_needed;
  } catch (error) {
    if (!(error instanceof ApiFailure)) throw error;
    // The exercise has not started, or one does not take part in it.
    if (error.status === 404) throw notFound();
    if (error.code === "locked") {
      throw redirect({ to: "/lock", search: { return: href }, replace: true });
    }
    if (error.status !== 401) throw error;
    throw redirect({ to: "/sign-in", search: { return: href } });
  }
  if (needsPasskey && href !== "/account") throw redirect({ to: "/account" });
}

function readRange(search: Record<string, unknown>): RangeSearch {
  return pick(search, ["range", "from", "to"]);
}

async function setupNeeded(client: QueryClient): Promise<boolean> {
  try {
    return (await client.fetchQuery(setupQuery)).needed;
  } catch {
    // Sign-in itself will say what is wrong with the server.
    return false;
  }
}

function makeRouter(client: QueryClient) {
  return createRouter({
    routeTree,
    context: { client },
    parseSearch,
    stringifySearch,
    basepath: basePathOf(EXERCISE),
    defaultPreload: false,
    scrollRestoration: false,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}

const RETRIES_MAX = 2;

/** The router and its query client, which sends the user to sign-in when the session ends. */
export function createConsole() {
  const onError = (error: unknown) => {
    if (!(error instanceof ApiFailure)) return;
    if (error.status === 401) toSignIn();
    if (error.code === "locked") toLock(router);
    if (error.code === "passkey_first") toAccount();
  };
  const client = new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        refetchOnWindowFocus: false,
        retry: (failures, error) =>
          failures < RETRIES_MAX &&
          !(error instanceof ApiFailure && error.status >= 400 && error.status < 500),
      },
    },
  });
  const router = makeRouter(client);

  function toSignIn() {
    const { pathname, href, search } = router.state.location;
    if (pathname === "/sign-in" || pathname === "/setup") return;
    client.removeQueries({ queryKey: sessionQuery.queryKey });
    // Whoever comes from the lock wants to be where it was put.
    const wanted = pathname === "/lock" ? pick(search, ["return"]) : { return: href };
    void router.navigate({ to: "/sign-in", search: wanted });
  }

  /** A role takes a passkey from now on. */
  function toAccount() {
    client.removeQueries({ queryKey: sessionQuery.queryKey });
    void router.navigate({ to: "/account" });
  }
  return { router, client };
}
