import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { CloseDialog } from "./CloseDialog";

it("takes a verdict, its reason and a note by keys", async () => {
  const onDeed = vi.fn();
  const user = userEvent.setup();
  render(
    <MantineProvider env="test">
      <CloseDialog count={2} opened busy={false} onCancel={() => {}} onDeed={onDeed} />
    </MantineProvider>,
  );
  screen.getByRole("radio", { name: /Đúng là tấn công/ }).focus();
  await user.keyboard("2c");
  expect(
    screen.getByRole("button", { name: /Ứng dụng hoạt động/ }).getAttribute("aria-pressed"),
  ).toBe("true");
  // Another verdict has other reasons.
  await user.keyboard("3a");
  await user.type(screen.getByRole("textbox", { name: "Ghi chú" }), "máy quét");
  await user.keyboard("{Control>}{Enter}{/Control}");
  expect(onDeed).toHaveBeenCalledWith({
    action: "close",
    verdict: "false_positive",
    reason: "rule_logic",
    note: "máy quét",
  });
});
