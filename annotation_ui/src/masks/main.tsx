import { assistMask, claimMask, markFurther, submitMask } from "../api/masks";
import { heartbeat, loadDraft, saveDraft, skipWorkItem } from "../api/workItems";
import { mountPage, person } from "../shell/page";
import type { Skip } from "../work/desk";
import { Journal } from "../work/journal";
import { MaskPage } from "./MaskPage";
import { MaskDesk, type MaskWrite } from "./task/desk";
import { readDraft } from "./task/maskState";

function post(write: MaskWrite | Skip): Promise<void> {
  switch (write.kind) {
    case "skip":
      return skipWorkItem(write.workItem, write.body, write.key);
    case "further":
      return markFurther(write.workItem, write.body, write.key);
    case "submit":
      return submitMask(write.workItem, write.body, write.key);
  }
}

const desk = new MaskDesk({
  api: { claim: claimMask, post, heartbeat, saveDraft, loadDraft },
  assist: assistMask,
  journal: new Journal("masks", person(), readDraft),
});
void desk.start();
mountPage(<MaskPage desk={desk} />);
