import { type NotificationData, notifications } from "@mantine/notifications";
import i18next from "i18next";

/** A short message in the corner of the screen. */
export function notify(data: NotificationData): void {
  notifications.show({ ...data, closeButtonProps: { "aria-label": i18next.t("common.close") } });
}
