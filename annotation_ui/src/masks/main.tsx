import { claimMask, submitMask } from "../api/masks";
import { heartbeat, loadDraft, saveDraft, skipWorkItem } from "../api/workItems";
import { mountPage, person } from "../shell/page";
import type { Skip } from "../work/desk";
import { Journal } from "../work/journal";
import { MaskPage } from "./MaskPage";
import { MaskDesk, type MaskWrite } from "./task/desk";
import { readDraft } from "./task/maskState";

function post(write: MaskWrite | Skip): Promise<void> {
  return write.kind === "skip"
    ? skipWorkItem(write.workItem, write.body, write.key)
    : submitMask(write.workItem, write.body, write.key);
}

const desk = new MaskDesk({
  api: { claim: claimMask, post, heartbeat, saveDraft, loadDraft },
  journal: new Journal("masks", person(), readDraft),
});
void desk.start();
mountPage(<MaskPage desk={desk} />);
