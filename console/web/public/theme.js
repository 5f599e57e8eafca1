// Sets the colour scheme before the first paint. A file of its own, because the
// content security policy allows no inline script.
(() => {
  let choice = "auto";
  try {
    choice = localStorage.getItem("vonggac-theme") ?? "auto";
  } catch {
    // Storage may be switched off; the system's scheme is then used.
  }
  const dark =
    choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
