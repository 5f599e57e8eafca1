import { MantineProvider } from "@mantine/core";
import { fireEvent, render, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import type { OrganisationEntry } from "../api/client";
import { ENTRIES, entryOf } from "./fixtures";
import { OrganisationTree } from "./OrganisationTree";
import { ROWS_MAX } from "./tree";

/** Shows the tree; which organisations were opened. */
function show(items: readonly OrganisationEntry[] = ENTRIES, isFiltered = false): string[] {
  const opened: string[] = [];
  render(
    <MantineProvider env="test">
      <OrganisationTree
        items={items}
        isFiltered={isFiltered}
        current={undefined}
        onOpen={(code) => opened.push(code)}
      />
    </MantineProvider>,
  );
  return opened;
}

const names = () =>
  screen.getAllByRole("treeitem").map((item) => item.querySelector(".mono")?.textContent);
const item = (name: RegExp) => screen.getByRole("treeitem", { name });
const press = (key: string) => fireEvent.keyDown(document.activeElement ?? document.body, { key });
const focused = () => document.activeElement?.querySelector(".mono")?.textContent;

it("shows the first level by Vietnamese name, and says where each stands", () => {
  show();
  expect(names()).toEqual(["vn", "ha-noi", "hue", "ha-tay"]);
  const hue = item(/Huế/);
  expect(hue.getAttribute("aria-level")).toBe("2");
  expect(hue.getAttribute("aria-posinset")).toBe("2");
  expect(hue.getAttribute("aria-setsize")).toBe("3");
  expect(hue.hasAttribute("aria-expanded")).toBe(false);
  expect(item(/Hà Nội/).getAttribute("aria-expanded")).toBe("false");
  expect(item(/Hà Tây/).textContent).toMatch(/kết thúc từ 01\/08\/2008/);
});

it("is walked, opened and closed by the arrows, and shows one by Enter", () => {
  const opened = show();
  item(/Việt Nam/).focus();
  press("ArrowDown");
  expect(focused()).toBe("ha-noi");
  press("ArrowRight");
  expect(names()).toEqual(["vn", "ha-noi", "ha-noi-it", "hue", "ha-tay"]);
  press("ArrowRight");
  expect(focused()).toBe("ha-noi-it");
  press("Enter");
  expect(opened).toEqual(["ha-noi-it"]);
  press("ArrowLeft");
  expect(focused()).toBe("ha-noi");
  press("ArrowLeft");
  expect(names()).toHaveLength(4);
  press("End");
  expect(focused()).toBe("ha-tay");
  press("ArrowDown");
  expect(focused()).toBe("ha-tay");
  press("Home");
  expect(focused()).toBe("vn");
});

it("has one row in the order of the tab key", () => {
  show();
  const stops = () => screen.getAllByRole("treeitem").filter((row) => row.tabIndex === 0);
  expect(stops().map((row) => row.textContent)).toEqual([expect.stringMatching(/Việt Nam/)]);
  fireEvent.focus(item(/Huế/));
  expect(stops()).toEqual([item(/Huế/)]);
});

it("opens all that leads to what was searched for", () => {
  const found = ENTRIES.filter(({ code }) => !["hue", "ha-tay"].includes(code));
  show(found, true);
  expect(names()).toEqual(["vn", "ha-noi", "ha-noi-it"]);
});

it("shows so many rows at a time, and says how many are left out", () => {
  const many = Array.from({ length: ROWS_MAX + 9 }, (_, place) =>
    entryOf(`u-${place}`, `Đơn vị ${place}`, "vn"),
  );
  show([entryOf("vn", "Việt Nam", null), ...many]);
  // By role it would take seconds.
  expect(document.querySelectorAll('[role="treeitem"]')).toHaveLength(ROWS_MAX);
  expect(screen.getByText(/Còn 10 dòng chưa hiện/)).toBeTruthy();
});
