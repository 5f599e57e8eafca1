import { MantineProvider } from "@mantine/core";
import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { CloseDialog } from "./CloseDialog";

it("closes with two keys, and takes a note", async () => {
  const onClose = vi.fn();
  const user = userEvent.setup();
  render(
    <MantineProvider env="test">
      <CloseDialog count={2} opened busy={false} onCancel={() => {}} onClose={onClose} />
    </MantineProvider>,
  );
  screen.getByRole("radio", { name: /Đúng là tấn công/ }).focus();
  await user.keyboard("3");
  await user.type(screen.getByRole("textbox", { name: "Ghi chú" }), "máy quét 1 nội bộ");
  await user.keyboard("{Control>}{Enter}{/Control}");
  expect(onClose).toHaveBeenCalledWith({ resolution: "benign", note: "máy quét 1 nội bộ" });
});
