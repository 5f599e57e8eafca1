import { TagsInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { tagsQuery } from "../api/queries";
import { AskDialog } from "./AskDialog";
import type { Deed } from "./actions";

interface TagDialogProps {
  count: number;
  /** The tags that all of them have now. */
  tags: readonly string[];
  opened: boolean;
  busy: boolean;
  onCancel: () => void;
  onDeed: (deed: Deed) => void;
}

const TAGS_MAX = 20;
const TAG_LENGTH_MAX = 40;

/** Marking alerts: what is put in is added, what is taken out is removed. */
export function TagDialog({ count, tags, opened, busy, onCancel, onDeed }: TagDialogProps) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<string[]>([]);
  const [text, setText] = useState("");
  const known = useQuery({ ...tagsQuery, enabled: opened });
  const before = JSON.stringify(tags);
  useEffect(() => {
    if (!opened) return;
    setChosen(JSON.parse(before) as string[]);
    setText("");
  }, [opened, before]);

  const all = text.trim() ? [...chosen, text.trim()] : chosen;
  const add = all.filter((tag) => !tags.includes(tag));
  const remove = tags.filter((tag) => !all.includes(tag));
  return (
    <AskDialog
      opened={opened}
      title={t("tag.title", { count })}
      submit={t("tag.submit")}
      hint={t("tag.keys")}
      busy={busy}
      disabled={add.length + remove.length === 0}
      onCancel={onCancel}
      onSubmit={() => onDeed({ action: "tag", add, remove })}
    >
      <TagsInput
        label={t("tag.tags")}
        data={known.data?.items.map((item) => item.tag) ?? []}
        value={chosen}
        onChange={(next) =>
          setChosen(next.map((tag) => tag.trim().slice(0, TAG_LENGTH_MAX)).filter(Boolean))
        }
        searchValue={text}
        onSearchChange={setText}
        maxTags={TAGS_MAX}
        comboboxProps={{ withinPortal: true }}
        data-autofocus
      />
      <p className="soft">{t("tag.hint")}</p>
    </AskDialog>
  );
}
