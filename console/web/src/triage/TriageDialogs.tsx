import { ExceptionDialog } from "../exceptions/ExceptionDialog";
import { AssignDialog } from "./AssignDialog";
import { ClaimDialog } from "./ClaimDialog";
import { CloseDialog } from "./CloseDialog";
import { SnoozeDialog } from "./SnoozeDialog";
import { TagDialog } from "./TagDialog";
import { sharedTags, type Triage } from "./useTriage";

/** The questions before deeds. */
export function TriageDialogs({ triage }: { triage: Triage }) {
  const { asked } = triage;
  const about = (question: string) => ({
    opened: asked?.question === question,
    count: asked?.count ?? 1,
    busy: triage.busy,
    onCancel: triage.cancel,
    onDeed: triage.answer,
  });
  const excepted =
    asked?.question === "except" && "ids" in asked.target ? asked.target.ids[0] : null;
  return (
    <>
      <CloseDialog {...about("close")} />
      <ClaimDialog {...about("claim")} holders={triage.holders} />
      <AssignDialog {...about("assign")} />
      <SnoozeDialog {...about("snooze")} />
      <ExceptionDialog alert={excepted ?? null} onClose={triage.cancel} />
      <TagDialog {...about("tag")} tags={sharedTags(asked?.known ?? [])} />
    </>
  );
}
